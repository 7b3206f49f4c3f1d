# The vDSO: a shared object of one page that the kernel carries (kernel/vm/vdso_image.S) and maps into
# every program. It runs wherever it is mapped, unrelocated: one read-execute segment, nothing that a
# dynamic linker would have to do. Included by the Makefile, which sets BUILD, CC, LD and Q.
VDSO_CFLAGS := --target=x86_64-unknown-linux-gnu -std=gnu11 -O2 -ffreestanding -nostdlibinc -fPIC \
	-mgeneral-regs-only -fno-stack-protector -fvisibility=default -fasynchronous-unwind-tables \
	-Iuser/vdso -Iinclude $(filter-out -Wmissing-prototypes,$(USER_WARNINGS))
VDSO_LDFLAGS := -shared -soname linux-vdso.so.1 --version-script user/vdso/vdso.map \
	--hash-style=both --no-rosegment -z rodynamic -z text -z noexecstack -z max-page-size=4096 \
	--eh-frame-hdr --build-id=none -Bsymbolic --no-undefined --strip-all
VDSO_SIZE_LIMIT := 4032 # VDSO_DATA_OFFSET

$(BUILD)/user/vdso/%.c.o: user/vdso/%.c user/vdso/vdso.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(VDSO_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/vdso.so: $(BUILD)/user/vdso/vdso.c.o user/vdso/vdso.map
	$(Q)$(LD) $(VDSO_LDFLAGS) -o $@ $<
	@[ $$(wc -c < $@) -le $(VDSO_SIZE_LIMIT) ] || { echo "$@: more than $(VDSO_SIZE_LIMIT) bytes"; exit 1; }
	@! llvm-readelf -rlW $@ | grep -E 'R_X86_64|LOAD .* RW|TEXTREL' || \
		{ echo "$@: wants relocation or writing"; exit 1; }

$(BUILD)/kernel/vm/vdso_image.S.o: $(BUILD)/vdso.so

-include $(BUILD)/user/vdso/vdso.c.o.d
