# The programs: clang against musl, static, and the archive that the loader hands to the kernel.
#   lib/*.c           linked into every C program
#   init/NAME.c       /sbin/NAME
#   init/NAME/*       /sbin/NAME, of several files
#   bin/NAME.c, .S    /bin/NAME      (an .S file stands alone: no C library)
#   bin/NAME/*        /bin/NAME, of several files
#   escape/*          /bin/escape
#   direct/NAME.c     /direct/NAME, for `direct=` on the kernel command line: ring 0, no C library
#   etc/*             /etc
# Every applet of busybox is a link, but where a program of ours has the name or it cannot work here.
# Included by the Makefile, which sets CC, LD, Q and BUILD. Programs do not depend on the kernel's
# variant, so they are built once, in build/user.

# Applets that nothing here could serve.
NETWORK_APPLETS := arp arping brctl dumpleases ftpget ftpput httpd ifconfig ifdown ifup ip ipneigh \
	nameif nc netstat nslookup ping ping6 rdate route ssl_client tc telnet telnetd tftp \
	traceroute traceroute6 tunctl udhcpc udhcpd vconfig wget
SOCKET_APPLETS := klogd logger logread syslogd # they speak through /dev/log
MODULE_APPLETS := depmod insmod lsmod modinfo modprobe rmmod
DEVICE_APPLETS := acpid blkdiscard blockdev chvt deallocvt devmem dumpkmap fdisk findfs freeramdisk \
	fsfreeze fstrim hwclock i2cdetect i2cdump i2cget i2cset i2ctransfer loadfont loadkmap \
	losetup lsscsi mdev microcom mkdosfs mke2fs mkswap mt openvt partprobe setkeycodes swapoff \
	swapon ubirename uevent watchdog
MOUNT_APPLETS := nsenter pivot_root resume run-init switch_root umount unshare # mount lists
UNUSABLE_APPLETS := $(NETWORK_APPLETS) $(SOCKET_APPLETS) $(MODULE_APPLETS) $(DEVICE_APPLETS) \
	$(MOUNT_APPLETS)

USER_BUILD := build/user
BUSYBOX ?= /bin/busybox
SOURCE_DATE_EPOCH ?= 0

MUSL_LIB := /usr/lib/x86_64-linux-musl
MUSL_INCLUDE := /usr/include/x86_64-linux-musl
CLANG_INCLUDE := $(shell $(CC) -print-resource-dir)/include

USER_WARNINGS := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wvla \
	-Wno-unused-parameter
USER_CFLAGS := --target=x86_64-linux-musl -std=gnu11 -O2 -g -fno-strict-aliasing -fno-common \
	-fstack-protector-strong -nostdinc -isystem $(CLANG_INCLUDE) -isystem $(MUSL_INCLUDE) \
	-D_GNU_SOURCE -Iuser/lib -Iinclude -mno-red-zone $(USER_WARNINGS) # inline assembly here pushes
DIRECT_CFLAGS := --target=x86_64-unknown-none-elf -std=gnu11 -O2 -g -ffreestanding -nostdlibinc \
	-mno-red-zone -mgeneral-regs-only -fno-pic -fno-stack-protector -Iuser/direct \
	$(USER_WARNINGS)

USER_LIB_OBJECTS := $(patsubst %,$(USER_BUILD)/%.o,$(sort $(wildcard user/lib/*.c)))
INIT_FOLDERS := $(patsubst user/%/,%,$(sort $(wildcard user/init/*/)))
INIT_PROGRAMS := $(patsubst user/init/%.c,%,$(sort $(wildcard user/init/*.c)))
PLAIN_PROGRAMS := $(patsubst user/bin/%.c,%,$(sort $(wildcard user/bin/*.c)))
RAW_PROGRAMS := $(patsubst user/bin/%.S,%,$(sort $(wildcard user/bin/*.S)))
BIN_FOLDERS := $(patsubst user/%/,%,$(sort $(wildcard user/bin/*/)))
DIRECT_PROGRAMS := $(patsubst user/direct/%.c,%,$(sort $(wildcard user/direct/*.c)))
PIE_PROGRAMS := hello-pie where-pie

USER_ROOT := $(USER_BUILD)/root
USER_BINARIES := $(INIT_PROGRAMS:%=$(USER_ROOT)/sbin/%) \
	$(PLAIN_PROGRAMS:%=$(USER_ROOT)/bin/%) $(RAW_PROGRAMS:%=$(USER_ROOT)/bin/%) \
	$(BIN_FOLDERS:%=$(USER_ROOT)/%) $(USER_ROOT)/bin/escape $(INIT_FOLDERS:init/%=$(USER_ROOT)/sbin/%) $(PIE_PROGRAMS:%=$(USER_ROOT)/bin/%) \
	$(DIRECT_PROGRAMS:%=$(USER_ROOT)/direct/%)

.SECONDARY: # the objects of position-independent programs are kept
.PHONY: user
user: $(USER_BINARIES) $(BUILD)/initramfs.cpio
all: user

$(USER_BUILD)/%.c.o: %.c user/user.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_CFLAGS) -MMD -MP -c -o $@ $<

$(USER_BUILD)/%.S.o: %.S user/user.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_CFLAGS) -MMD -MP -c -o $@ $<

$(USER_BUILD)/pie/%.c.o: user/%.c user/user.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_CFLAGS) -fPIE -MMD -MP -c -o $@ $<

$(USER_BUILD)/user/direct/%.c.o: user/direct/%.c user/user.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(DIRECT_CFLAGS) -MMD -MP -c -o $@ $<

# $(1): start file, $(2): more options, $(3): objects
link_program = $(LD) -static $(2) -z noexecstack --gc-sections --build-id=none -o $@ \
	$(MUSL_LIB)/$(1) $(MUSL_LIB)/crti.o $(3) $(MUSL_LIB)/libc.a $(MUSL_LIB)/crtn.o

$(INIT_PROGRAMS:%=$(USER_ROOT)/sbin/%): $(USER_ROOT)/sbin/%: $(USER_BUILD)/user/init/%.c.o \
		$(USER_LIB_OBJECTS)
	@mkdir -p $(@D)
	$(Q)$(call link_program,crt1.o,,$^)

$(PLAIN_PROGRAMS:%=$(USER_ROOT)/bin/%): $(USER_ROOT)/bin/%: $(USER_BUILD)/user/bin/%.c.o \
		$(USER_LIB_OBJECTS)
	@mkdir -p $(@D)
	$(Q)$(call link_program,crt1.o,,$^)

$(RAW_PROGRAMS:%=$(USER_ROOT)/bin/%): $(USER_ROOT)/bin/%: $(USER_BUILD)/user/bin/%.S.o
	@mkdir -p $(@D)
	$(Q)$(LD) -static -z noexecstack --build-id=none -o $@ $^

folder_objects = $(patsubst %,$(USER_BUILD)/%.o,$(sort $(wildcard user/$(1)/*.c user/$(1)/*.S)))
# $(1): folder below user/, $(2): the program's path
define folder_rule
$(USER_ROOT)/$(2): $(call folder_objects,$(1)) $(USER_LIB_OBJECTS)
	@mkdir -p $$(@D)
	$$(Q)$$(call link_program,crt1.o,,$$^)
endef
$(foreach folder,$(BIN_FOLDERS),$(eval $(call folder_rule,$(folder),$(folder))))
$(eval $(call folder_rule,escape,bin/escape))
$(foreach folder,$(INIT_FOLDERS),$(eval $(call folder_rule,$(folder),s$(folder:init/%=bin/%))))

$(USER_ROOT)/bin/%-pie: $(USER_BUILD)/pie/bin/%.c.o $(USER_LIB_OBJECTS:$(USER_BUILD)/user/%=$(USER_BUILD)/pie/%)
	@mkdir -p $(@D)
	$(Q)$(call link_program,rcrt1.o,-pie --no-dynamic-linker,$^)

$(DIRECT_PROGRAMS:%=$(USER_ROOT)/direct/%): $(USER_ROOT)/direct/%: $(USER_BUILD)/user/direct/%.c.o
	@mkdir -p $(@D)
	$(Q)$(LD) -static -z noexecstack --build-id=none --image-base=0x400000 -e main -o $@ $^

# One byte-identical archive from the same inputs: names sorted, times set, owner root, inode and
# device numbers renumbered by cpio itself. Debugging sections stay behind in build/user/root.
# Links come after chmod, which would follow them.
STAGE := $(USER_BUILD)/stage
STAGE_FOLDERS := bin sbin direct etc tmp dev proc root home/user usr/bin usr/sbin usr/local/bin \
	var/log var/run var/tmp

$(USER_BUILD)/initramfs.cpio: $(USER_BINARIES) $(wildcard user/etc/*) $(BUSYBOX) user/user.mk
	@rm -rf $(STAGE)
	@mkdir -p $(addprefix $(STAGE)/,$(STAGE_FOLDERS))
	$(Q)cd $(USER_BUILD)/root && find . -type f -exec llvm-objcopy --strip-debug {} ../stage/{} \;
	$(Q)cp user/etc/* $(STAGE)/etc/ && cp $(BUSYBOX) $(STAGE)/bin/busybox
	$(Q)cd $(STAGE) && find . -type d -exec chmod 755 {} + \
		&& find . -type f -exec chmod 644 {} + && chmod 755 bin/* sbin/* direct/* \
		&& chmod 1777 tmp var/tmp && chmod 700 root && ln -s /proc/mounts etc/mtab
	$(Q)$(BUSYBOX) --list-full | grep -v linuxrc | while read -r path; do \
		name=$${path##*/}; case ' $(UNUSABLE_APPLETS) ' in *" $$name "*) continue; esac; \
		[ -e $(STAGE)/bin/$$name ] || [ -e $(STAGE)/sbin/$$name ] \
			|| ln -s /bin/busybox $(STAGE)/$$path || exit 1; done
	$(Q)cd $(STAGE) && find . -exec touch -h -d @$(SOURCE_DATE_EPOCH) {} + \
		&& find . -mindepth 1 | LC_ALL=C sort \
		| cpio --quiet -o -H newc --reproducible -R 0:0 > ../initramfs.cpio

$(BUILD)/initramfs.cpio: $(USER_BUILD)/initramfs.cpio
	@mkdir -p $(@D)
	@cp $< $@

-include $(shell find $(USER_BUILD) -name '*.d' 2>/dev/null)
