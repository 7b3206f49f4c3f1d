# Running, testing and measuring. Included by the Makefile, which sets BUILD; every QEMU command line
# comes from test/qemu.py. What people type (PROG, ARGS, FILES, CMDLINE, WHY) reaches it through the
# environment, as typed: make does not expand it, the shell does not split it.

PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
QEMU_PY := $(PYTHON) test/qemu.py

unexport PROG ARGS FILES CMDLINE WHY
export RINGFENCE_PROG = $(value PROG)
export RINGFENCE_ARGS = $(value ARGS)
export RINGFENCE_FILES = $(value FILES)
export RINGFENCE_CMDLINE = $(value CMDLINE)
export RINGFENCE_WHY = $(value WHY)

KNOBS := $(if $(SMP),--smp '$(SMP)') $(if $(MEM),--mem '$(MEM)') $(if $(CPU),--cpu '$(CPU)') $(if $(TCG),--tcg '$(TCG)') \
	$(if $(MACHINE),--machine '$(MACHINE)') $(if $(MEDIUM),--medium '$(MEDIUM)') \
	$(if $(SCREEN),--screen) $(if $(ICOUNT),--icount) \
	--build-dir '$(BUILD)' "--cmdline=$$RINGFENCE_CMDLINE"

.PHONY: run exec debug timeline bench bench-accept scale profile price test test-host test-tooling \
	test-system test-cpus test-shares test-negative stress nmi model lint format count escape \
	fuzz-calls fail-walk fuzz mutate

# What machines are saved in, for boots that need not wait for the firmware (harness/saved.py).
REST := build/rest.efi
$(REST): test/rest/rest.c test/rest/rest.h efi/efi.mk
	$(Q)$(CC) $(EFI_CFLAGS) -Itest/rest -c -o build/rest.o $<
	$(Q)$(EFI_LD) $(EFI_LDFLAGS) -out:$@ build/rest.o
test test-system test-cpus test-shares test-negative escape fail-walk nmi mutate: $(REST)

run: all
	@$(QEMU_PY) run $(KNOBS) --log build/run.log

# Standard output is the program's alone, so the build speaks on standard error.
exec:
	@test -n "$$RINGFENCE_PROG" || { echo 'usage: make exec PROG=path [ARGS="..."] [FILES=dir]' >&2; exit 1; }
	@$(MAKE) -s all >&2
	@$(QEMU_PY) exec $(KNOBS) --log build/exec.log --status build/exec.status \
		$${RINGFENCE_FILES:+--files "$$RINGFENCE_FILES"} --split-args="$$RINGFENCE_ARGS" \
		-- "$$RINGFENCE_PROG"

timeline:
	@test -n "$$RINGFENCE_PROG" || { echo 'usage: make timeline PROG=path [ARGS="..."] [EVENTS=65536]' >&2; exit 1; }
	@$(MAKE) -s all >&2
	@$(PYTHON) -B test/timeline $(KNOBS) --log build/timeline.log $(if $(EVENTS),--events '$(EVENTS)') \
		$${RINGFENCE_FILES:+--files "$$RINGFENCE_FILES"} --split-args="$$RINGFENCE_ARGS" \
		-- "$$RINGFENCE_PROG"

debug: all
	@$(QEMU_PY) debug $(KNOBS) --log build/debug.log

# Measured is the lean build, whatever else is asked for.
bench:
	@$(MAKE) DEBUG=0 WITHOUT= all
	@$(PYTHON) test/bench/bench.py run $(if $(RUNS),--runs '$(RUNS)')

bench-accept:
	@test -n "$$RINGFENCE_WHY" || { echo 'usage: make bench-accept WHY="..."' >&2; exit 1; }
	@$(MAKE) -s DEBUG=0 WITHOUT= all
	@$(PYTHON) test/bench/bench.py accept --why="$$RINGFENCE_WHY"

# Independent work on several CPUs; SMP_COUNTS="1 2 4" chooses. Status 1: more is counted than allowed.
scale:
	@$(MAKE) DEBUG=0 WITHOUT= all
	@$(PYTHON) test/bench/scale.py $(if $(RUNS),--runs '$(RUNS)') \
		$(if $(SMP_COUNTS),--cpus '$(subst $() ,$(comma),$(strip $(SMP_COUNTS)))')

test: all
	@RINGFENCE_BUILD=$(BUILD) $(PYTHON) test/run_tests.py host tooling system -- $(TESTS)

test-host:
	@$(PYTHON) test/run_tests.py host

test-tooling:
	@$(PYTHON) test/run_tests.py tooling -- $(TESTS)

test-system: all
	@RINGFENCE_BUILD=$(BUILD) $(PYTHON) test/run_tests.py system -- $(TESTS)

# Each of these numbers of processors: boots, shows them, passes the tour. Takes a while.
CPUS ?= 1 2 4 8 64 255
test-cpus: all
	@RINGFENCE_BUILD=$(BUILD) RINGFENCE_CPUS='$(CPUS)' $(PYTHON) test/run_tests.py system -- \
		-k test_processors

# Shares counted in instructions, under each policy; on four CPUs, too.
test-shares: all
	@RINGFENCE_BUILD=$(BUILD) RINGFENCE_COUNTED='fair stride lottery rr mlfq' $(PYTHON) test/run_tests.py \
		system -- -k test_policies

test-negative: all
	@$(PYTHON) test/negative.py $(PROTECTIONS)

# Single checks taken out of entry, exit, user copy, the ELF loaders and sigreturn, one at a time;
# FILES="entry" chooses by words of paths, MUTANTS="id ..." by ids, KINDS="never drop" by kinds.
mutate: all
	@$(PYTHON) -B test/mutate $(if $(FILES),--files $(FILES)) \
		$(if $(MUTANTS),--mutants $(MUTANTS)) $(if $(KINDS),--kinds $(KINDS)) \
		$(if $(LIST),--list) $(if $(AGAIN),--again) $(if $(QUICK),--quick)

# Every attempt to escape from ring 3, on every model, on one CPU and on four; TESTS="-k word" chooses.
escape: all
	@rm -rf build/escape; RINGFENCE_BUILD=$(BUILD) $(PYTHON) test/run_tests.py escape -- $(TESTS); \
		status=$$?; $(PYTHON) -B test/escape/table.py build/escape || status=1; exit $$status

# Each point of each system call that may fail does, one after the other, on one CPU and on four; then
# programs of every kind under fail=.
fail-walk: all
	@RINGFENCE_BUILD=$(BUILD) RINGFENCE_FAIL_STEP=1 RINGFENCE_FAIL_SMP='1 4' \
		$(PYTHON) test/run_tests.py system -- -k test_failures.py

# Promela models of the protocols, beside the code; MODELS="wait switch" chooses.
model:
	@$(PYTHON) -B test/model.py $(MODELS)

# Jobs at random, which check themselves, with a watch over their progress; then everything must come
# back. The seed is printed. Of CMDLINE="spinlocks=queued sched=mlfq" what stands before -- is taken.
SECONDS ?= 1200
stress: all
	@RINGFENCE_CMDLINE="panic=1 $${RINGFENCE_CMDLINE%%-- *} -- /bin/stress,-t,$(SECONDS),-s,$(if $(SEED),$(SEED),$$(date +%s))$(subst $() ,,$(JOBS:%=$(comma)%))"; \
	$(QEMU_PY) run $(KNOBS) $(if $(SMP),,--smp 4) $(if $(MEM),,--mem 512M) --log build/stress.log \
		--timeout $$(($(SECONDS) * 4 + 600)) </dev/null
comma := ,

# A minute of NMIs at random moments, on 1 and 4 CPUs, with page-table isolation and without.
nmi: all
	@RINGFENCE_BUILD=$(BUILD) RINGFENCE_NMI_SECONDS=60 $(PYTHON) test/run_tests.py system -- \
		-k test_nmi
# The host's fuzz targets, each as long; TARGETS="fuzz_elf" chooses.
FUZZ_SECONDS ?= 60
fuzz:
	@FUZZ_SECONDS='$(FUZZ_SECONDS)' WITHOUT= test/host/run.sh --fuzz $(TARGETS)

# System calls at random; see test/fuzz_calls.py. CHILDREN=1 CHILD_CALLS=2000 VERBOSE=1: a child alone.
CALLS ?= 10000000
fuzz-calls: all
	@$(PYTHON) test/fuzz_calls.py --build-dir '$(BUILD)' --calls '$(CALLS)' $(if $(SEED),--seed '$(SEED)') \
		$(if $(SMP),--smp '$(SMP)') $(if $(MEM),--mem '$(MEM)') $(if $(CPU),--cpu '$(CPU)') \
		$(if $(TCG),--tcg '$(TCG)') $(if $(ICOUNT),--icount) $(if $(CHILDREN),--children '$(CHILDREN)') \
		$(if $(CHILD_CALLS),--child-calls '$(CHILD_CALLS)') $(if $(VERBOSE),--verbose) \
		$(if $(filter 1,$(COVERAGE)),--coverage) "--cmdline=$$RINGFENCE_CMDLINE"

# One row of `measure`, function by function; what each mechanism costs. Both of the lean build.
TURNS ?= 500
profile:
	@test -n '$(ROW)' || { echo 'usage: make profile ROW=name [TURNS=500] (names: measure -l)' >&2; exit 1; }
	@$(MAKE) -s DEBUG=0 all >&2
	@$(PYTHON) test/profile/profile.py --iterations '$(TURNS)' -- /bin/measure -n '$(TURNS)' '$(ROW)'

price:
	@$(MAKE) -s DEBUG=0 all >&2
	@$(PYTHON) test/profile/price.py $(WORDS)

C_SOURCES = $(shell find kernel efi user include test -name '*.[ch]')

lint: all
	@KERNEL_CFLAGS='$(KERNEL_CFLAGS)' EFI_CFLAGS='$(EFI_CFLAGS)' USER_CFLAGS='$(USER_CFLAGS)' \
		sh test/lint.sh

format:
	@clang-format -i $(C_SOURCES)

count:
	@cloc --quiet --force-lang=Assembly,inc kernel efi
	@cloc --quiet --by-file-by-lang --sum-one user include test | sed -n '/^Language/,$$p'
