# The screen's font: Debian's console-setup-linux (u_vga16 by Dmitry Bolkhovityanov, MIT-like terms),
# unpacked at build time and taken in by font.S.
FONT ?= /usr/share/consolefonts/Uni2-VGA16.psf.gz

$(BUILD)/font.psf: $(FONT) $(BUILD)/variant
	@mkdir -p $(@D)
	$(Q)gzip -dc $< > $@

$(BUILD)/kernel/dev/font.S.o: $(BUILD)/font.psf
