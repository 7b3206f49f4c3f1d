"""`make bench`: what this kernel costs, beside Linux in the same emulator."""
