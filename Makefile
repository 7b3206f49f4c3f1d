# Ringfence: `make help` lists what can be made. Tools are Debian 12's; test/install-deps.sh brings
# them. Everything that is built lands under build/.

CC := clang
LD := ld.lld
OBJCOPY := llvm-objcopy
READELF := llvm-readelf
Q := $(if $(V),,@)

DEBUG ?= 1
SAN ?= 0
COVERAGE ?= 0
WITHOUT ?=
UNKNOWN := $(filter-out $(shell grep -v '^\#' test/protections.txt),$(WITHOUT))
ifneq ($(UNKNOWN),)
$(error WITHOUT=$(UNKNOWN): test/protections.txt does not have that)
endif
VARIANT := $(if $(filter 1,$(DEBUG)),debug,release)$(if $(filter 1,$(SAN)),-sanitizer)$(if $(filter 1,$(COVERAGE)),-coverage)$(if $(WITHOUT),-without-$(subst $() ,-,$(strip $(WITHOUT))))
BUILD := build/$(VARIANT)

.DEFAULT_GOAL := all
.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: all clean help FORCE
MAKEFLAGS += --no-print-directory --no-builtin-rules

# $(call remember,TEXT): rewrites the target only when TEXT differs from what it holds.
remember = @mkdir -p $(@D); echo '$(1)' | cmp -s - $@ || echo '$(1)' > $@

# The short options are the first word of MAKEFLAGS, if there are any.
DRY_RUN := $(findstring n,$(filter-out --%,$(firstword -$(MAKEFLAGS))))

# Tools come first: this included file is remade before anything else, and silently when they are
# all there. While it does not exist the build's own rules, which ask the compiler, are not read.
ifneq ($(filter-out help clean,$(or $(MAKECMDGOALS),all)),)
ifneq ($(DRY_RUN),)
include $(wildcard build/tools.mk)
else
include build/tools.mk
build/tools.mk: FORCE
	@SCREEN='$(SCREEN)' sh test/install-deps.sh
	$(call remember,TOOLS := present)
endif
endif

ifdef TOOLS
include kernel/kernel.mk $(wildcard kernel/*/*.mk) efi/efi.mk user/user.mk user/vdso/vdso.mk

all: $(BUILD)/kernel.elf $(BUILD)/BOOTX64.EFI $(BUILD)/initramfs.cpio

# What file times cannot show: options, a source that was removed, another busybox.
$(BUILD)/variant: FORCE
	$(call remember,$(DEBUG) $(SAN) $(COVERAGE) $(WITHOUT))
$(BUILD)/sources: FORCE
	$(call remember,$(KERNEL_SOURCES) $(EFI_SOURCES))
$(USER_BUILD)/busybox: FORCE
	$(call remember,$(BUSYBOX))
$(KERNEL_OBJECTS): kernel/kernel.mk
$(BUILD)/kernel.linked.elf $(BUILD)/BOOTX64.EFI: $(BUILD)/sources
$(USER_BUILD)/initramfs.cpio: $(USER_BUILD)/busybox
endif

include test/test.mk iso/iso.mk

clean:
	rm -rf build

define HELP
make                   builds everything that boots, in build/debug
make run               boots in QEMU, a shell on the terminal; with no terminal: the tour, then
                       power-off, exit status 0 only if it succeeded and everything came back
make exec PROG=path    runs a static Linux program: ./name for a file here; without a slash: of PATH,
                       else /bin/name of the guest. ARGS="..." split by shell rules, FILES=dir lies
                       in its folder; status in build/exec.status, kernel log in build/exec.log
make timeline PROG=path [ARGS="..."]  runs it with every event recorded and draws what happened:
                       build/timeline.svg, .json for Perfetto, .txt: the chapter's table
make debug             QEMU halted, gdb attached with symbols and helpers
make iso               the image for sticks and CDs: build/ringfence.iso
make usb DEV=/dev/sdX  writes it to a stick, after a question, and reads it back
make bench             the price list: instructions, beside Linux (fetched, not installed) in the same
                       emulator; then time and events; build/bench.json. RUNS=5 of the table of time
make scale             independent work on 1, 2 and 4 CPUs, beside Linux: time, and waits for locks, IPIs,
                       shootdowns, migrations for each operation; build/scale.json. RUNS=3 SMP_COUNTS="1 2 4"
make bench-accept WHY="..." measures and writes what `make test` compares with
make test              every test; the last line is "N passed, N failed"
make test-host         only the tests of pure code, on this machine
make test-tooling      only the tests of the harness, the tools and the screen's emulator
make test-system       only the tests that boot; TESTS="-k word" chooses
make test-cpus         boots with 1, 2, 4, 8, 64 and 255 processors; CPUS="1 4" chooses
make test-shares       shares of the CPUs under each policy, counted in instructions
make test-negative     builds without each protection and sees its tests fail;
                       PROTECTIONS="smap nx" chooses
make escape            every attempt to get out of ring 3, on every processor model, on 1 and 4 CPUs,
                       and a table of what became of each; TESTS="-k skylake" chooses
make fail-walk         every system call, each of its allocations and user copies failing in turn
make mutate            takes single checks out of entry, exit, user copy, ELF loaders and sigreturn and
                       lists what no test notices; FILES="entry", MUTANTS="id ...", LIST=1
make model             the protocols of sleeping, switching, process locks and shootdown: every
                       interleaving of their models, then mutants that must fail; MODELS="wait" chooses
make stress            20 minutes of processes, threads, memory, files, signals at random on SMP=4,
                       every job checked; SECONDS=60 SEED=1 JOBS="forks ring"; best with SAN=1;
                       CMDLINE="spinlocks=queued sched=mlfq kpti=on" reaches the kernel
make nmi               NMIs at random moments, a minute of each: 1 and 4 CPUs, kpti=on and off
make fuzz              the parsers of outside data against libFuzzer, each FUZZ_SECONDS=60 long;
                       TARGETS="fuzz_elf" chooses
make fuzz-calls        10 million system calls at random on SMP=4, nothing may be left behind;
                       CALLS=30000 SEED=1; COVERAGE=1 says how much of the kernel ran; best with
                       SAN=1; what fails says how it is repeated (ICOUNT=1)
make profile ROW=name  where a row of `measure` spends its instructions, function by function
make price             what each mechanism costs: rows of `measure` with and without it
make lint              layers, sizes, formatting, headers, static checks
make format            formats the C code
make count             lines of code
make clean             removes build/
make help              this text

Knobs:
  SMP=4                processors            MEM=1G         memory
  TCG=single           several CPUs take turns in one thread of the host (multi: a thread each)
  CPU=EPYC             processor model       MACHINE=pc     pc or q35 (default)
  CMDLINE="..."        kernel command line; for run, what follows -- are programs for init
  MEDIUM=usb           what run boots from: disk (default), virtio, usb, ata, nvme, cd, scsi-cd
  SCREEN=1             QEMU's window too     ICOUNT=1       one instruction is one nanosecond
  BUSYBOX=path         another static busybox
  DEBUG=0              the lean build instead of the checked one, in build/release
  COVERAGE=1           counts how often each line of the kernel runs (build/debug-coverage)
  SAN=1                the kernel checks itself for undefined behaviour (build/debug-sanitizer)
  WITHOUT="smap nx"    a build without these protections (test/protections.txt)
  EVENTS=65536         of timeline: how many events each processor keeps (default 16384)
  V=1                  shows the commands
endef

help:
	@: $(info $(HELP))
