#!/usr/bin/python3
import sys, os, time, subprocess
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, f'{HERE}/../lib']
import hanging, bus, unit, kernel, balky
from hanging import *
hang = HANGS[0]
def cpu():
    with open(f'/proc/{unit.pid()}/stat') as f: v=f.read().rsplit(')',1)[1].split()
    return int(v[11])+int(v[12])
def timed(what, f, *a):
    t=time.monotonic()
    try: r=f(*a)
    except Exception as e: r=repr(e)[:200]
    print(f'{what}: {time.monotonic()-t:.2f} s {str(r)[:150]!r}', flush=True)
for i in range(2):
    timed('bind before', root.bind, LEGACY[0], 'vfio'); timed('restore before', root.restore, LEGACY[0])
timed('stopstart before', stop_and_start)
with stuck(hang):
    print('stuck', cpu(), flush=True)
    time.sleep(2)
    print('cpu ticks in 2 s:', cpu(), flush=True)
    for i in range(2):
        timed('bind', root.bind, LEGACY[0], 'vfio'); timed('restore', root.restore, LEGACY[0])
    timed('list', ctl, 'list')
    timed('show', ctl, 'show', STUCK)
    timed('stopstart', stop_and_start)
    timed('restart', restart)
    timed('crash', crash)
    timed('bind', root.bind, LEGACY[0], 'vfio'); timed('restore', root.restore, LEGACY[0])
    c=cpu(); time.sleep(2); print('cpu ticks in 2 s:', cpu()-c, flush=True)
    print(operations())
    balky.calm()
    print(settled('MoveFailed', hang.old, override_of(hang.old)))
