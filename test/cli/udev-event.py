# SPDX-License-Identifier: GPL-3.0-or-later
"""udev-event.py DEVICES PATH PROGRAM ARGUMENT...: runs the program in a mocked machine, waits for
its first output, lets the kernel tell of a change of PATH, and prints how many bars were drawn
within a minute, in which the program would not by itself. Started under umockdev-wrapper."""
import ctypes
import subprocess
import sys
import time

devices, path, *argv = sys.argv[1:]
lib = ctypes.CDLL("libumockdev.so.0")
lib.umockdev_testbed_new.restype = ctypes.c_void_p
bed = ctypes.c_void_p(lib.umockdev_testbed_new())
if not lib.umockdev_testbed_add_from_file(bed, devices.encode(), None):
    sys.exit("the devices cannot be mocked")
child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
drawn = 0
for line in child.stdout:
    if '"schema"' in line:
        drawn += 1
        if drawn == 1:
            lib.umockdev_testbed_uevent(bed, path.encode(), b"change")
            start = time.monotonic()
        else:
            break
print(drawn, "late" if time.monotonic() - start > 60 else "soon")
child.terminate()
child.wait()
