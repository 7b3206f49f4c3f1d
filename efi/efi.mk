# The UEFI loader: every .c and .S below efi/, linked into BOOTX64.EFI. Included by the Makefile,
# which sets CC, Q and BUILD. Headers only from gnu-efi: no start files, no libraries.

EFI_LD := lld-link

EFI_CFLAGS := --target=x86_64-unknown-windows -std=gnu11 -ffreestanding -nostdlibinc -fshort-wchar \
	-mno-red-zone -mgeneral-regs-only -mno-stack-arg-probe -fno-stack-protector \
	-fno-strict-aliasing -O2 -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes \
	-Wshadow -Wundef -Wvla -isystem /usr/include/efi -isystem /usr/include/efi/x86_64 \
	-Iinclude -Iefi

EFI_LDFLAGS := -subsystem:efi_application -entry:efi_main -nodefaultlib -timestamp:0 -WX

EFI_SOURCES := $(sort $(wildcard efi/*.c efi/*.S))
EFI_OBJECTS := $(EFI_SOURCES:%=$(BUILD)/%.o)

$(BUILD)/efi/%.o: efi/% efi/efi.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(EFI_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/BOOTX64.EFI: $(EFI_OBJECTS)
	$(Q)$(EFI_LD) $(EFI_LDFLAGS) -out:$@ $(EFI_OBJECTS)

-include $(EFI_OBJECTS:.o=.d)
