# The hybrid image and the writing of sticks. Included by the Makefile, which sets BUILD and Q.
# There is one image, the one made last, whatever the variant: the path to hand to other programs.

IMAGE := build/ringfence.iso
USB_PY := $(PYTHON) -B iso/write_usb.py

unexport DEV
export RINGFENCE_DEV = $(value DEV)

.PHONY: iso usb

# The command line of the image is iso/cmdline.txt; CMDLINE="..." is another one for this image.
iso: all
	$(Q)$(if $(filter undefined,$(origin CMDLINE)),cp iso/cmdline.txt $(BUILD)/cmdline.txt, \
		printf '%s\n' "$$RINGFENCE_CMDLINE" > $(BUILD)/cmdline.txt)
	$(Q)iso/make-iso.sh $(IMAGE) $(BUILD)/BOOTX64.EFI $(BUILD)/kernel.elf \
		$(BUILD)/initramfs.cpio $(BUILD)/cmdline.txt
	@echo "$(IMAGE): $$(wc -c < $(IMAGE)) bytes"

# Looking needs no rights and comes before building; writing asks for them where it must.
usb:
	@$(USB_PY) "$$RINGFENCE_DEV"
	@$(MAKE) iso
	@sudo=; [ -w "$$RINGFENCE_DEV" ] || sudo=$$(command -v sudo) || true; \
		$$sudo $(USB_PY) "$$RINGFENCE_DEV" $(IMAGE)
