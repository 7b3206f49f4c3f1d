# Builds the host tests into BUILD. Called by run.sh from the top of the checkout, with BUILD, DEBUG and
# WITHOUT set. Any test_*.c dropped into test/host/ is built and run; kernel sources that it needs
# go into TESTED, fuzz targets into FUZZ with the sources each one needs.

CC := clang
LIB := $(wildcard kernel/lib/*.c)
MEM := $(filter-out kernel/mem/object_guard.c,$(wildcard kernel/mem/*.c))
# The screen's terminal emulation, which needs nothing of the machine.
EMULATOR := $(addprefix kernel/dev/,cell_colours.c emulator.c emulator_grid.c emulator_modes.c \
	emulator_reply.c emulator_sequences.c escape_parser.c)
DEV := $(addprefix kernel/dev/,acpi_fixed.c acpi_madt.c canvas.c cell_image.c font.c screen.c) $(EMULATOR)
CPU := $(addprefix kernel/cpu/,calibrate.c cmos.c features.c fpu_image.c isolation.c lapic.c machine_check.c tsc_compare.c \
	pcid.c reference.c report.c)
LINE := $(wildcard kernel/pseudo/line_*.c)
# The scheduler's policies, which need nothing of the machine.
POLICIES := $(addprefix kernel/sched/,fair.c lottery.c mlfq.c placement.c policy.c realtime.c round_robin.c \
	stride.c virtual_time.c weight.c)
VM := $(filter-out $(addprefix kernel/vm/,user_fpu.c vdso.c),$(wildcard kernel/vm/*.c))
TESTED := $(LIB) kernel/proc/exec_script.c kernel/proc/out_of_memory.c kernel/proc/elf_load.c $(MEM) $(CPU) $(DEV) $(VM) \
	$(wildcard kernel/fs/*.c) kernel/boot/processor_choice.c kernel/trap/return_path.c \
	kernel/debug/fail.c kernel/debug/trace.c \
	$(POLICIES) kernel/syscall/poll_set.c $(LINE)
# The loader's code without firmware calls.
LOADER := $(addprefix efi/,command_line.c elf_image.c memory_map.c page_tables.c)

FUZZ := fuzz_cpio fuzz_elf fuzz_command_line fuzz_format fuzz_emulator fuzz_line_discipline
fuzz_cpio_SOURCES := kernel/lib/cpio.c
fuzz_elf_SOURCES := kernel/lib/elf.c kernel/lib/elf_symbols.c
fuzz_command_line_SOURCES := kernel/lib/command_line.c
fuzz_line_discipline_SOURCES := $(LINE)
fuzz_format_SOURCES := kernel/lib/format.c
fuzz_emulator_SOURCES := $(EMULATOR) kernel/lib/format.c

# The keyboard: its pure part, its driver.
KEYS := $(addprefix kernel/drivers/,compose.c function_keys.c key_bytes.c scancode.c) \
	$(wildcard kernel/drivers/keymap*.c)
TESTED += $(KEYS) kernel/drivers/keyboard.c kernel/drivers/host_input.c kernel/dev/i8042.c
FUZZ += fuzz_keyboard
fuzz_keyboard_SOURCES := $(KEYS) kernel/lib/format.c

FUZZ += fuzz_acpi fuzz_script fuzz_return fuzz_loader fuzz_names
fuzz_acpi_SOURCES := kernel/dev/acpi_fixed.c kernel/dev/acpi_madt.c kernel/cpu/report.c kernel/lib/format.c
fuzz_script_SOURCES := kernel/proc/exec_script.c
fuzz_return_SOURCES := kernel/cpu/fpu_image.c kernel/trap/return_path.c
FUZZ += fuzz_acpi_walk fuzz_host_input fuzz_memory_map
fuzz_acpi_walk_SOURCES := kernel/dev/acpi.c $(fuzz_acpi_SOURCES)
fuzz_memory_map_SOURCES := efi/memory_map.c
fuzz_loader_SOURCES := efi/command_line.c efi/elf_image.c test/host/efi_kernel.c
# A file system on the fake machine.
fuzz_names_SOURCES := $(addprefix test/host/,fs_fixture.c machine.c stubs.c threads.c allocations.c) \
	$(LIB) $(MEM) $(wildcard kernel/fs/*.c) kernel/vm/user_iterator.c kernel/vm/user_copy.c \
	kernel/cpu/features.c kernel/cpu/isolation.c kernel/cpu/pcid.c kernel/debug/fail.c kernel/debug/trace.c

# -fno-builtin: the sanitizers see every call of a string function.
CFLAGS := -std=gnu11 -g -O1 -fno-builtin -fno-omit-frame-pointer -fno-strict-aliasing \
	-fno-sanitize-recover=all -Wall -Wextra -Werror -Wshadow -Wundef -Wvla -Wno-unused-parameter
SANITIZE := -fsanitize=address,undefined
INCLUDE := -Itest/host/shim -Iinclude -Ikernel -Itest/host -I$(BUILD) -I.
# The kernel's string functions get other names: the C library's stay what everything else uses.
RENAME := $(foreach name,memcpy memmove memset memcmp strlen strnlen strcmp strncmp strchr,\
	-D$(name)=kernel_$(name))

# Code whose locks are the kernel's own, on CPUs that are threads: built twice, with ThreadSanitizer
# and as everything else.
PARALLEL := $(wildcard test/host/parallel/*.c) test/host/framework.c test/host/machine.c \
	kernel/cpu/spinlock.c kernel/cpu/lock_statistics.c kernel/cpu/pcid.c kernel/cpu/isolation.c \
	kernel/debug/fail.c \
	$(addprefix kernel/mem/,frame.c frame_boot.c frame_buddy.c memory.c object_cache.c object_slab.c \
	translation.c) $(LIB)

TESTS := $(wildcard test/host/*.c)
OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(TESTS) $(TESTED) $(LOADER)) $(BUILD)/font_file.o \
	$(BUILD)/user_copy_raw.o
# Beside the fake ones (threads.c).
RAW := user_copy_raw user_zero_raw user_string_raw user_load32_raw user_load32_no_fault_raw \
	user_compare_exchange32_raw user_copy_has_smap user_load32_no_fault_instruction
# allocations.c stands in front of these.
WRAP := $(foreach name,object_allocate object_release memory_allocate memory_release \
	memory_duplicate_string frames_allocate frame_allocate frame_allocate_zeroed \
	frame_allocate_blank,-Wl,--wrap=$(name))
# As in kernel/dev/dev.mk.
FONT ?= /usr/share/consolefonts/Uni2-VGA16.psf.gz

.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: all FORCE
all: $(BUILD)/tests $(BUILD)/parallel $(BUILD)/parallel-tsan $(FUZZ:%=$(BUILD)/%)

# As kernel/kernel.mk makes it.
$(BUILD)/config.h: test/protections.txt FORCE
	@mkdir -p $(@D)
	@{ echo '#pragma once'; echo '#define DEBUG_CHECKS $(DEBUG)'; echo '#define SANITIZER 0'; \
	for name in $$(grep -v '^#' test/protections.txt); do \
	macro=PROTECT_$$(echo $$name | tr 'a-z-' 'A-Z_'); \
	case " $(WITHOUT) " in *" $$name "*) echo "#define $$macro 0";; *) echo "#define $$macro 1";; esac; \
	done; } > $@.new
	@cmp -s $@ $@.new && rm $@.new || mv $@.new $@

$(BUILD)/kernel/lib/string.o: kernel/lib/string.c test/host/host.mk | $(BUILD)/config.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SANITIZE) -ffreestanding $(RENAME) -Iinclude -Ikernel -I$(BUILD) -MMD -MP -c -o $@ $<

$(BUILD)/efi/%.o: efi/%.c test/host/host.mk
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SANITIZE) -Iinclude -Iefi -MMD -MP -c -o $@ $<

$(BUILD)/font_file.o: kernel/dev/font.S test/host/host.mk
	@mkdir -p $(@D)
	gzip -dc $(FONT) > $(BUILD)/font.psf
	$(CC) -I$(BUILD) -c -o $@ $<

# The list of fix-ups can be written, since addresses are put in, and has a name whose ends the linker
# tells.
$(BUILD)/user_copy_raw.o: kernel/vm/user_copy.S test/host/host.mk | $(BUILD)/config.h
	@mkdir -p $(@D)
	$(CC) -Wa,--noexecstack $(INCLUDE) $(foreach name,$(RAW),-D$(name)=host_$(name)) -MMD -MP -c -o $@ $<
	objcopy --rename-section .user_copy_fixups=user_copy_fixups,alloc,load,data,contents $@

# The driver's bytes come to the test instead of the console.
$(BUILD)/kernel/drivers/keyboard.o: CFLAGS += -Dconsole_input=keyboard_test_input \
	-Dconsole_cursor_keys_are_application=keyboard_test_application

# How much memory is free, the test says.
$(BUILD)/kernel/proc/out_of_memory.o: CFLAGS += -Dframes_count=memory_test_frames \
	-Dpage_table_count=memory_test_tables

# Two pixels are written at once, at any pixel.
$(BUILD)/kernel/dev/canvas.o: SANITIZE += -fno-sanitize=alignment

$(BUILD)/%.o: %.c test/host/host.mk | $(BUILD)/config.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SANITIZE) $(INCLUDE) -MMD -MP -c -o $@ $<

$(BUILD)/tests: $(OBJECTS)
	$(CC) $(SANITIZE) $(WRAP) -o $@ $^

$(BUILD)/thread/%.o: SANITIZE := -fsanitize=thread
$(BUILD)/thread/kernel/lib/string.o: kernel/lib/string.c test/host/host.mk | $(BUILD)/config.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SANITIZE) -ffreestanding $(RENAME) -Iinclude -Ikernel -I$(BUILD) -MMD -MP -c -o $@ $<

$(BUILD)/thread/%.o: %.c test/host/host.mk | $(BUILD)/config.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SANITIZE) $(INCLUDE) -MMD -MP -c -o $@ $<

$(BUILD)/parallel-tsan: $(PARALLEL:%.c=$(BUILD)/thread/%.o)
	$(CC) -fsanitize=thread -o $@ $^

$(BUILD)/parallel: $(PARALLEL:%.c=$(BUILD)/%.o)
	$(CC) $(SANITIZE) -o $@ $^

# What test/tooling/test_emulator.py runs.
$(BUILD)/emulate: $(patsubst %.c,$(BUILD)/%.o,test/host/oracle/emulate.c $(EMULATOR) kernel/lib/format.c)
	$(CC) $(SANITIZE) -o $@ $^

# What test/tooling/test_screen_speed.py counts the instructions of: compiled as the kernel is. (The
# older debug format is what valgrind reads.)
SPEED := kernel/dev/canvas.c kernel/dev/cell_image.c kernel/dev/font.c kernel/dev/screen.c $(EMULATOR) \
	kernel/lib/format.c kernel/lib/string.c test/host/oracle/scroll_pages.c
$(BUILD)/speed/%.o: %.c test/host/host.mk | $(BUILD)/config.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -gdwarf-4 -ffreestanding -fno-pic -mno-red-zone -mgeneral-regs-only \
		-fno-omit-frame-pointer -fno-strict-aliasing -fstack-protector-strong \
		-Iinclude -Ikernel -I$(BUILD) -MMD -MP -c -o $@ $<
$(BUILD)/scroll_pages: $(SPEED:%.c=$(BUILD)/speed/%.o) $(BUILD)/font_file.o
	$(CC) -no-pie -o $@ $^

$(BUILD)/fuzz/%.o: %.c test/host/host.mk | $(BUILD)/config.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fsanitize=fuzzer,address,undefined $(INCLUDE) -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/efi/%.o $(BUILD)/fuzz/test/host/fuzz/fuzz_memory_map.o: INCLUDE := -Iinclude -Iefi
$(BUILD)/fuzz/kernel/lib/string.o: kernel/lib/string.c test/host/host.mk | $(BUILD)/config.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fsanitize=fuzzer,address,undefined -ffreestanding $(RENAME) -Iinclude -Ikernel \
		-I$(BUILD) -MMD -MP -c -o $@ $<
$(BUILD)/fuzz_names: LINK_OPTIONS := $(WRAP)

define FUZZ_RULE
$(BUILD)/$(1): $(patsubst %.c,$(BUILD)/fuzz/%.o,test/host/fuzz/$(1).c $($(1)_SOURCES))
	$(CC) -fsanitize=fuzzer,address,undefined $$(LINK_OPTIONS) -o $$@ $$^
endef
$(foreach target,$(FUZZ),$(eval $(call FUZZ_RULE,$(target))))

-include $(OBJECTS:.o=.d) $(PARALLEL:%.c=$(BUILD)/%.d) $(PARALLEL:%.c=$(BUILD)/thread/%.d) $(wildcard $(BUILD)/test/host/oracle/*.d \
	$(BUILD)/speed/kernel/*/*.d 	$(BUILD)/fuzz/kernel/*/*.d $(BUILD)/fuzz/test/host/fuzz/*.d)
