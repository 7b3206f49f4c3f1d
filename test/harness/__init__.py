"""What test/qemu.py and the tests share: QEMU's command line, booting, exec's protocol."""
