# The kernel: every .c and .S below kernel/, linked at the top 2 GiB. Included by the Makefile, which
# sets BUILD (build/<variant>), WITHOUT, DEBUG and the tools.

# The Linux target is chosen for one thing: its stack protector reads the canary at gs:0x28, where
# struct percpu has it.
KERNEL_CFLAGS := --target=x86_64-unknown-linux-gnu -std=gnu11 -ffreestanding -nostdlibinc \
	-mcmodel=kernel -fno-pic -mno-red-zone -mgeneral-regs-only -fno-omit-frame-pointer \
	-fno-strict-aliasing -fno-common -ffunction-sections -fdata-sections \
	$(if $(filter stack-protector,$(WITHOUT)),-fno-stack-protector,-fstack-protector-strong) \
	-fno-asynchronous-unwind-tables \
	-O2 -g -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes \
	-Wshadow -Wundef -Wvla -Wno-unused-parameter \
	-Iinclude -Ikernel -I$(BUILD)

# The lean build is optimised as a whole when it is linked, across files and layers.
KERNEL_LTO := $(if $(filter 0,$(DEBUG)),-flto -momit-leaf-frame-pointer)

# SAN=1: undefined behaviour ends in debug/sanitizer.c instead of somewhere.
KERNEL_SANITIZER := $(if $(filter 1,$(SAN)),-fsanitize=undefined -fno-sanitize-recover=all)

# COVERAGE=1: every line counts how often it runs; test/fuzz_calls.py reads the counters.
KERNEL_COVERAGE := $(if $(filter 1,$(COVERAGE)),-fprofile-instr-generate -fcoverage-mapping)

KERNEL_SOURCES := $(filter-out kernel/cpu/offsets.c,$(sort $(shell find kernel -name '*.c' -o -name '*.S')))
KERNEL_OBJECTS := $(KERNEL_SOURCES:%=$(BUILD)/%.o)

# What no program waits for is optimised for size: boot, devices, the terminal, what /proc shows, and
# the rarer system calls.
COLD := $(filter-out $(addprefix kernel/debug/,latency.c trace.c watchdog.c) \
	$(addprefix kernel/dev/,canvas.c cell_image.c emulator.c emulator_grid.c), \
	$(wildcard $(foreach folder,boot debug dev drivers pseudo,kernel/$(folder)/*.c))) \
	$(addprefix kernel/cpu/,calibrate.c cmos.c features.c ioapic.c lock_statistics.c reference.c report.c \
	tables.c tsc_compare.c) \
	$(addprefix kernel/lib/,command_line.c elf_symbols.c format.c) \
	$(addprefix kernel/mem/,frame_boot.c kernel_map.c) \
	$(addprefix kernel/fs/,fifo.c path_operations.c) \
	$(addprefix kernel/vm/,remap.c vdso.c shared_memory.c) \
	$(addprefix kernel/proc/,accounting.c affinity.c exec_direct.c exec_script.c group_signal.c inspect.c \
	job_control.c live_counts.c nice.c orphan.c shutdown.c signal_child.c signal_report.c) \
	$(addprefix kernel/syscall/,file_systems.c identity.c log.c names.c poll.c \
	resources.c scheduling.c select.c sendfile.c system.c) \
	$(addprefix kernel/trap/,fault_signal.c)
$(COLD:%=$(BUILD)/%.o): KERNEL_CFLAGS += -Os

$(BUILD)/config.h: test/protections.txt kernel/kernel.mk $(BUILD)/variant
	@mkdir -p $(@D)
	@{ echo '#pragma once'; echo '#define DEBUG_CHECKS $(DEBUG)'; echo '#define SANITIZER $(SAN)'; \
	for name in $$(grep -v '^#' test/protections.txt); do \
	macro=PROTECT_$$(echo $$name | tr 'a-z-' 'A-Z_'); \
	case " $(WITHOUT) " in *" $$name "*) echo "#define $$macro 0";; *) echo "#define $$macro 1";; esac; \
	done; } > $@.new
	@cmp -s $@ $@.new && rm $@.new || mv $@.new $@

# Structure offsets for assembly, from C: cpu/offsets.c is compiled to assembly text and its marked
# lines become #defines.
$(BUILD)/offsets.h: kernel/cpu/offsets.c $(BUILD)/config.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_CFLAGS) -MMD -MP -MT $@ -MF $@.d -S -o $@.s $<
	$(Q)sed -n 's/^.*@OFFSET \([A-Z_0-9]*\) \([0-9-]*\).*$$/#define \1 \2/p' $@.s > $@

$(BUILD)/kernel/%.c.o: kernel/%.c $(BUILD)/config.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_CFLAGS) $(KERNEL_SANITIZER) $(KERNEL_COVERAGE) $(KERNEL_LTO) \
		-MMD -MP -c -o $@ $<

$(BUILD)/kernel/%.S.o: kernel/%.S $(BUILD)/config.h $(BUILD)/offsets.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_CFLAGS) $(KERNEL_LTO) -MMD -MP -c -o $@ $<

# kernel.debug.elf has everything for gdb; kernel.elf, which boots, keeps the symbol table, and the list of
# what the loader changes to run it at another address than the one it is linked at (KASLR). The code
# is not position-independent, which would cost instructions: the linker keeps its relocations
# (--emit-relocs), and of those the two kinds that hold an absolute address go into the list.
$(BUILD)/kernel.linked.elf: $(KERNEL_OBJECTS) kernel/kernel.ld
	$(Q)$(LD) -T kernel/kernel.ld -z max-page-size=4096 --gc-sections --build-id=none --emit-relocs \
		-o $@ $(KERNEL_OBJECTS)

$(BUILD)/kernel.debug.elf: $(BUILD)/kernel.linked.elf
	$(Q)$(OBJCOPY) --wildcard --remove-section='.rela.*' $< $@

# One 32-bit number a relocation: the place's offset from where the kernel is linked, which is below
# 1 GiB, bit 31 set if 8 bytes are to change, else 4. A kind that is unknown, or an address that does
# not move with the kernel, ends the build.
$(BUILD)/relocations.bin: $(BUILD)/kernel.linked.elf kernel/relocations.awk
	$(Q)$(OBJCOPY) --strip-debug $< $@.elf
	$(Q)$(READELF) --relocations --wide $@.elf | awk -f kernel/relocations.awk > $@.S
	$(Q)$(CC) --target=x86_64-unknown-linux-gnu -c -o $@.o $@.S
	$(Q)$(OBJCOPY) -O binary --only-section=.data $@.o $@

$(BUILD)/kernel.elf: $(BUILD)/kernel.debug.elf $(BUILD)/relocations.bin
	$(Q)$(OBJCOPY) --strip-debug \
		$(if $(filter kaslr,$(WITHOUT)),,--add-section .relocations=$(BUILD)/relocations.bin) $< $@

-include $(KERNEL_OBJECTS:.o=.d) $(BUILD)/offsets.h.d
