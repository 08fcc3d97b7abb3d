# SPDX-License-Identifier: GPL-2.0-or-later
"""The host that the mock invents: 20 functions in 12 groups, and one that is in none."""

# address, class, ids, class name, vendor, device, driver, modules, group, further properties
# fmt: off
HOST = [
    ("0000:00:00.0", 0x060000, "8086:29c0", "Host bridge", "Intel Corporation",
     "82G33/G31/P35/P31 Express DRAM Controller", "", [], 0, {}),
    ("0000:00:01.0", 0x060400, "8086:1901", "PCI bridge", "Intel Corporation",
     "6th-10th Gen Core Processor PCIe Controller (x16)", "pcieport", ["shpchp"], 1, {"IsBridge": True}),
    ("0000:01:00.0", 0x030000, "10de:2484", "VGA compatible controller", "NVIDIA Corporation",
     "GA104 [GeForce RTX 3070]", "nouveau", ["nouveau", "nvidiafb"], 1, {"BootVga": True,
     "LinkSpeed": "2.5 GT/s PCIe", "LinkWidth": 8, "MaxLinkSpeed": "16.0 GT/s PCIe", "MaxLinkWidth": 16,
     "ResetMethods": ["flr", "pm", "bus"]}),
    ("0000:01:00.1", 0x040300, "10de:228b", "Audio device", "NVIDIA Corporation",
     "GA104 High Definition Audio Controller", "snd_hda_intel", ["snd_hda_intel"], 1,
     {"PowerState": "D3cold"}),
    ("0000:00:14.0", 0x0c0330, "8086:a36d", "USB controller", "Intel Corporation",
     "Cannon Lake PCH USB 3.1 xHCI Host Controller", "xhci_hcd", ["xhci_pci"], 2, {}),
    ("0000:00:14.2", 0x050000, "8086:a36f", "RAM memory", "Intel Corporation",
     "Cannon Lake PCH Shared SRAM", "", [], 2, {}),
    ("0000:00:1f.0", 0x060100, "8086:a303", "ISA bridge", "Intel Corporation",
     "H310 Chipset LPC/eSPI Controller", "", [], 3, {}),
    ("0000:00:1f.3", 0x040300, "8086:a348", "Audio device", "Intel Corporation", "Cannon Lake PCH cAVS",
     "snd_hda_intel", ["snd_hda_intel", "snd_sof_pci_intel_cnl"], 3, {}),
    ("0000:00:1f.4", 0x0c0500, "8086:a323", "SMBus", "Intel Corporation",
     "Cannon Lake PCH SMBus Controller", "i801_smbus", ["i2c_i801"], 3, {}),
    ("0000:02:00.0", 0x010802, "144d:a808", "Non-Volatile memory controller",
     "Samsung Electronics Co Ltd", "NVMe SSD Controller SM981/PM981/PM983", "nvme", ["nvme"], 10,
     {"LinkSpeed": "8.0 GT/s PCIe", "LinkWidth": 4, "MaxLinkSpeed": "8.0 GT/s PCIe", "MaxLinkWidth": 4,
     "NumaNode": 0}),
    ("0000:03:00.0", 0x020000, "8086:10d3", "Ethernet controller", "Intel Corporation",
     "82574L Gigabit Network Connection", "vfio-pci", ["e1000e"], 11,
     {"HostDriver": "e1000e", "DriverOverride": "vfio-pci"}),
    ("0000:04:00.0", 0x020000, "15b3:101d", "Ethernet controller", "Mellanox Technologies",
     "MT2892 Family [ConnectX-6 Dx]", "mlx5_core", ["mlx5_core"], 12, {"MaxVirtualFunctions": 8,
     "VirtualFunctions": ["0000:04:00.1", "0000:04:00.2"], "VfioDriver": "mlx5_vfio_pci",
     "LinkSpeed": "16.0 GT/s PCIe", "LinkWidth": 16, "MaxLinkSpeed": "16.0 GT/s PCIe",
     "MaxLinkWidth": 16, "ResetMethods": ["flr"], "NumaNode": 1}),
    ("0000:04:00.1", 0x020000, "15b3:101e", "Ethernet controller", "Mellanox Technologies",
     "ConnectX Family mlx5Gen Virtual Function", "mlx5_vfio_pci", ["mlx5_core"], 13,
     {"PhysicalFunction": "0000:04:00.0", "HostDriver": "mlx5_core", "VfioDriver": "mlx5_vfio_pci"}),
    ("0000:04:00.2", 0x020000, "15b3:101e", "Ethernet controller", "Mellanox Technologies",
     "ConnectX Family mlx5Gen Virtual Function", "mlx5_core", ["mlx5_core"], 14,
     {"PhysicalFunction": "0000:04:00.0", "VfioDriver": "mlx5_vfio_pci"}),
    ("0000:05:00.0", 0x060401, "8086:244e", "PCI bridge", "Intel Corporation", "82801 PCI Bridge", "",
     [], 20, {"IsBridge": True}),
    ("0000:06:01.0", 0x020000, "10ec:8139", "Ethernet controller", "Realtek Semiconductor Co., Ltd.",
     "RTL-8100/8101L/8139 PCI Fast Ethernet Adapter", "8139too", ["8139too", "8139cp"], 20, {}),
    ("0000:06:02.0", 0x0c0010, "104c:8024", "FireWire (IEEE 1394)", "Texas Instruments",
     "TSB43AB23 IEEE-1394a-2000 Controller (PHY/Link)", "pci-stub", ["firewire_ohci"], 20,
     {"HostDriver": "none"}),
    ("0000:07:00.0", 0x120000, "1234:0001", "Processing accelerators", "Café 会社 Ltd",
     "Evil \x1b[31mred\x07\u202e name\nof two lines \u009b1m", "", [], 21, {}),
    ("0000:08:00.0", 0x030200, "10de:1eb8", "3D controller", "NVIDIA Corporation", "TU104GL [Tesla T4]",
     "vfio-pci", ["nouveau"], 117,
     {"HostDriver": "nouveau", "DriverOverride": "vfio-pci", "NumaNode": 1, "Busy": True, "MaxVirtualFunctions": 1}),
    ("10000:e1:00.0", 0x010802, "8086:f1a8", "Non-Volatile memory controller", "Intel Corporation",
     "SSD 660P Series", "nvme", ["nvme"], -1, {}),
]
# fmt: on

BACKENDS = [
    ("vfio", "vfio-pci", True, ""),
    ("kvm", "pci-stub", True, ""),
    ("xen", "pciback", False, "This host is no Xen dom0."),
]

HARMLESS = {"", "pcieport", "pci-stub", "vfio-pci", "mlx5_vfio_pci"}
STATES = {"": "none", "vfio-pci": "vfio", "mlx5_vfio_pci": "vfio", "pci-stub": "kvm", "pciback": "xen"}

TOKEN = "0123456789abcdef0123456789abcdef"
