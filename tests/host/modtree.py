#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a /lib/modules tree for libkmod from what "simhost TOPOLOGY STANDARD" lists on stdin: modules that contain nothing
but what depmod reads (aliases, soft dependencies, symbols that make them depend on each other), and its indexes.

Usage: modtree.py DIRECTORY (…/lib/modules/RELEASE)
"""

import os
import struct
import subprocess
import sys

SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB = 1, 2, 3


def strings(words):
    return b''.join(word.encode() + b'\0' for word in words)


def elf(sections):
    """A relocatable x86-64 object of (name, type, link, entry size, contents); the last section gets the names."""
    names, offsets = b'\0', []
    for section in [*sections, ('.shstrtab',)]:
        offsets.append(len(names))
        names += section[0].encode() + b'\0'
    sections = [*sections, ('.shstrtab', SHT_STRTAB, 0, 0, names)]

    body, headers = b'', bytes(64)
    for offset, (_, kind, link, entry, contents) in zip(offsets, sections):
        headers += struct.pack('<IIQQQQIIQQ', offset, kind, 0, 0, 64 + len(body), len(contents), link, 1, 8, entry)
        body += contents + bytes(-len(contents) % 8)
    header = struct.pack('<16sHHIQQQIHHHHHH', b'\x7fELF\2\1\1', 1, 62, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64,
                         len(sections) + 1, len(sections))
    return header + body + headers


def module(name, depends, information):
    """It exports one symbol, and uses those of the modules it depends on."""
    names, symbols = b'\0', bytes(24)
    for other in depends:
        symbols += struct.pack('<IBBHQQ', len(names), 1 << 4, 0, 0, 0, 0)
        names += f'symbol_of_{other}'.encode() + b'\0'
    return elf([
        ('.modinfo', SHT_PROGBITS, 0, 0, strings([f'name={name}', 'license=GPL', *information])),
        ('__ksymtab_strings', SHT_PROGBITS, 0, 0, strings([f'symbol_of_{name}'])),
        ('.symtab', SHT_SYMTAB, 4, 24, symbols),
        ('.strtab', SHT_STRTAB, 0, 0, names),
    ])


def main():
    directory = sys.argv[1]
    release = os.path.basename(directory)
    top = os.path.dirname(os.path.dirname(os.path.dirname(directory)))
    builtin, order = [], []

    os.makedirs(f'{directory}/kernel', exist_ok=True)
    for line in sys.stdin:
        name, state, *words = line.split()
        pairs = [word.split('=', 1) for word in words]
        values = {key: [v for k, v in pairs if k == key] for key in ('depends', 'pre', 'post', 'alias')}
        path = f'kernel/{name}.ko'
        if state == 'builtin':
            builtin.append(path)
            continue
        information = [f'alias={alias}' for alias in values['alias']]
        information.append('depends=' + ','.join(values['depends']))
        soft = [f'{kind}: {" ".join(values[kind])}' for kind in ('pre', 'post') if values[kind]]
        if soft:
            information.append('softdep=' + ' '.join(soft))
        with open(f'{directory}/{path}', 'wb') as file:
            file.write(module(name, values['depends'], information))
        order.append(path)

    for name, lines in ('modules.builtin', builtin), ('modules.order', order):
        with open(f'{directory}/{name}', 'w', encoding='utf-8') as file:
            file.writelines(f'{line}\n' for line in lines)
    with open(f'{directory}/modules.builtin.modinfo', 'wb'):
        pass
    subprocess.run(['/sbin/depmod', '-b', top or '/', release], check=True)


if __name__ == '__main__':
    main()
