# Sight Reading. The chapters are the source; `make help` lists what can be made of them. What follows:
# from chapters to C, the builds, the tests. The book's runs and figures are in figures/book.mk.
export LC_ALL := C
ifneq ($(filter deps,$(MAKECMDGOALS)),)
# Packages first, alone; then everything else in a make of its own that sees them.
REST := $(filter-out deps,$(MAKECMDGOALS))
.PHONY: deps $(REST)
deps:
	tools/deps $(REST)
ifneq ($(REST),)
$(firstword $(REST)): deps
	+$(MAKE) $(REST)
$(wordlist 2,$(words $(REST)),$(REST)): $(firstword $(REST)) ;
endif
else
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
CC := gcc
CHAPTERS := $(sort $(wildcard chapters/*.nw))
TANGLED := $(shell tools/tangle --list)
PROGRAMS := $(patsubst src/programs/%.c,%,$(filter src/programs/%.c,$(TANGLED)))
# libsight.a is what a stranger's program can link: everything from eval down. What is above it, tasks
# and app, is in libapp.a. Kernels are chosen below.
APP := $(filter src/app/%.c src/tasks/%.c,$(TANGLED))
LIBRARY := $(filter-out $(APP) src/programs/% src/kernels/% src/peers/% src/web/% src/examples/% src/train/world_%,$(filter src/%.c,$(TANGLED)))
CXX_LIBRARY := $(filter %.cc,$(TANGLED))
# The longest suites first, so that no core waits for one of them alone.
SLOW := test_every_option test_faults test_killed test_stopped
TESTS := $(SLOW) $(filter-out $(SLOW),$(patsubst tests/%.c,%,$(filter tests/test_%.c,$(TANGLED))))
# What mpirun may start, made of four ordinary builds.
WITH_MPI := mpi mpi-debug mpi-valgrind mpi-tsan
SIDE_BY_SIDE = $(if $(findstring -j,$(MAKEFLAGS)),,-j $(shell nproc))

.PHONY: all help data programs debug $(WITH_MPI) walk tangle suites check check-float check-asan check-valgrind check-tsan check-mpi bench-mpi same-bits \
        analyze fuzz trust drift warnings reference clean FORCE
all: programs
help: ; @cat tools/help.txt
data: ; data/fetch

# ---- From chapters to C -----------------------------------------------------------------------------
# Files are rewritten only where they change, so that a change of prose rebuilds nothing. Without noweb
# the committed files are used as they are.
tangle: build/tangle.stamp
ifneq ($(shell command -v notangle),)
build/tangle.stamp: $(CHAPTERS) tools/tangle tools/chunk-names.awk
	@mkdir -p build
	tools/tangle .
	@touch $@
$(TANGLED): build/tangle.stamp ;
build/debug.stamp: $(CHAPTERS) tools/tangle
	@mkdir -p build
	tools/tangle --debug build/debug/tangled
	@touch $@
else
build/tangle.stamp build/debug.stamp:
	@echo "make: this needs noweb, which is not installed: make deps, or apt-get install noweb" >&2; exit 1
endif
$(addprefix build/debug/tangled/,$(TANGLED)): build/debug.stamp ;

# ---- Builds of the same sources ---------------------------------------------------------------------
# Two sets of kernels: `make KERNELS=naive ...` links the definitions, which debugging always shows.
KERNELS := fast
ifeq ($(filter $(KERNELS),fast naive),)
$(error KERNELS: expected fast or naive, found $(KERNELS))
endif
kernels_of = $(patsubst %,src/kernels/%.c,gemm gemm_bf16 common $(if $(filter debug,$(1)),naive,$(KERNELS)))
# The world of one process; for those that mpirun has started see `make mpi`.
ALONE := src/train/world_one.c
MPI_FLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags ompi-c 2>/dev/null))
MPI_LIBS := $(shell pkg-config --libs ompi-c 2>/dev/null)
NAIVE := $(patsubst %,src/kernels/%.c,gemm gemm_bf16 common naive)

# No -ffast-math. -fno-math-errno lets sqrt be one instruction, -fno-trapping-math lets both sides of a
# choice be computed; 512-bit vectors where there are any. a*b+c may be one instruction, with one rounding,
# only in the kernels: their sums have an order of their own, so that the same ones are joined whatever the
# width of vectors. Elsewhere the compiler would join some and not others.
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wvla
WIDE := $(shell $(CC) -mprefer-vector-width=512 -E -x c /dev/null >/dev/null 2>&1 && echo -mprefer-vector-width=512)
JOINED = $(filter src/kernels/% src/app/peak.c src/programs/matmul_steps.c src/programs/vector_error.c \
         tests/naive_kernels.c tests/fast_kernels.c tests/test_vector.c,$<)
COMMON = -ffp-contract=$(if $(JOINED),fast,off) -std=c17 -D_DEFAULT_SOURCE -D_POSIX_C_SOURCE=200809L $(WARNINGS)
MATHS := -fno-math-errno -fno-trapping-math -fopenmp
FLAGS_release := -O3 -march=native $(WIDE) $(MATHS)
# What is installed: code that may lie anywhere, of which only what sight.h declares is seen.
FLAGS_shared := $(FLAGS_release) -fPIC -fvisibility=hidden
FLAGS_double := -DREAL_DOUBLE -O2 -march=native $(MATHS)
SANITIZED := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_asan := -fopenmp $(SANITIZED)
FLAGS_asan-double := -DREAL_DOUBLE $(FLAGS_asan)
# stb's JPEG writer, which only tests use, shifts into the sign bit; all else in it is checked.
build/asan/tests/testing.o build/asan-double/tests/testing.o: COMMON += -fno-sanitize=shift
FLAGS_debug := -O0 -g3 -Wno-unknown-pragmas
LINK_debug := -fopenmp
FLAGS_valgrind := -O1 -g -fopenmp
FLAGS_tsan := -O1 -g -fopenmp -fsanitize=thread
CC_tsan := clang
CC_fuzz := clang
FLAGS_fuzz := -Wno-unknown-pragmas -fsanitize=fuzzer-no-link $(SANITIZED)
# Other widths of vectors than this machine's: `make bench KERNEL_WIDTH=avx2`, and the same bits.
FLAGS_avx2 := -O3 -march=x86-64-v3 $(MATHS)
FLAGS_sse := -O3 -march=x86-64-v2 $(MATHS)
KERNEL_WIDTH := native
ifeq ($(filter $(KERNEL_WIDTH),native avx2 sse),)
$(error KERNEL_WIDTH: expected native, avx2 or sse, found $(KERNEL_WIDTH))
endif
WIDTH_BUILD := $(patsubst native,release,$(KERNEL_WIDTH))
comma := ,
# SigLIP's texts need SentencePiece, a library in C++; without it everything else works.
SENTENCEPIECE := $(shell pkg-config --exists sentencepiece && command -v g++)
LIBS := $(if $(SENTENCEPIECE),-Wl$(comma)--as-needed -lsentencepiece -lstdc++) -ljansson -lz -lunistring -lm
CHECK_LIBS := $(shell pkg-config --libs check 2>/dev/null || echo -lcheck -lsubunit -lm -lrt -lpthread)
build/kernels.chosen: FORCE
	@mkdir -p build
	@echo $(KERNELS) | cmp -s - $@ || echo $(KERNELS) >$@

# $(1) build, $(2) folder of its sources
define BUILD
build/$(1)/%.o: $(2)%.c Makefile
	@mkdir -p $$(@D)
	$$(or $$(CC_$(1)),$$(CC)) $$(FLAGS_$(1)) $$(COMMON) -I$(2)src -I$(2)tests -MMD -MP -c $$< -o $$@
build/$(1)/%.o: $(2)%.cc Makefile
	@mkdir -p $$(@D)
	$(SENTENCEPIECE) -std=c++17 -O2 -g -fPIC -Wall -Wextra -I$(2)src -MMD -MP -c $$< -o $$@
build/$(1)/src/data/pieces.o: COMMON += $(if $(SENTENCEPIECE),-DSENTENCEPIECE)
build/$(1)/src/train/world_mpi.o: COMMON += $(MPI_FLAGS)
build/$(1)/libsight.a: $$(patsubst %.c,build/$(1)/%.o,$$(LIBRARY) $(call kernels_of,$(1)) $(ALONE)) build/kernels.chosen
build/$(1)/libsight.a: $(if $(SENTENCEPIECE),$(CXX_LIBRARY:%.cc=build/$(1)/%.o))
build/$(1)/libapp.a: $$(patsubst %.c,build/$(1)/%.o,$$(APP))
build/$(1)/libsight.a build/$(1)/libapp.a:
	@rm -f $$@
	@ar rcs $$@ $$(filter %.o,$$^)
build/$(1)/tests/test_%: build/$(1)/tests/test_%.o build/$(1)/tests/testing.o build/$(1)/libapp.a build/$(1)/libsight.a
	$$(or $$(CC_$(1)),$$(CC)) $$(FLAGS_$(1)) $$(LINK_$(1)) $$(WRAP) $$(filter %.o,$$^) $$(filter %.a,$$^) $$(CHECK_LIBS) $$(LIBS) -o $$@
build/$(1)/tests/test_kernels build/$(1)/tests/test_bf16 build/$(1)/tests/test_cached: $$(patsubst %,build/$(1)/%.o,tests/naive_kernels tests/fast_kernels src/kernels/gemm src/kernels/gemm_bf16)
build/$(1)/tests/test_readers: build/$(1)/tests/fuzz/readers.o
build/$(1)/tests/test_readers: WRAP := -Wl,--wrap=exit
# A program that comes out as before keeps its date, so that no run is done again for nothing.
$$(PROGRAMS:%=build/$(1)/programs/%): build/$(1)/programs/%: build/$(1)/src/programs/%.o build/$(1)/libapp.a build/$(1)/libsight.a
	@mkdir -p $$(@D)
	$$(CC) $$(FLAGS_$(1)) $$(LINK_$(1)) $$^ $$(LIBS) -o $$@.new
	@cmp -s $$@.new $$@ && rm $$@.new || mv $$@.new $$@
-include $$(wildcard build/$(1)/src/*/*.d build/$(1)/tests/*.d build/$(1)/tests/fuzz/*.d)
endef
$(foreach build,release shared double asan asan-double fuzz valgrind tsan avx2 sse,$(eval $(call BUILD,$(build),)))
$(eval $(call BUILD,debug,build/debug/tangled/))
# Programs with the naive kernels, to compare with.
NAIVELY := $(patsubst %.c,build/release/%.o,$(NAIVE)) build/release/libapp.a build/release/libsight.a
build/naive/bench: build/release/src/programs/bench.o $(NAIVELY)
build/naive/train-vit: build/release/src/programs/train_vit.o $(NAIVELY)
build/naive/bench build/naive/train-vit:
	@mkdir -p $(@D)
	$(CC) $(FLAGS_release) $^ $(LIBS) -o $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
# Those that mpirun may start are made of the objects of an ordinary build and of MPI's functions, which come first.
MANY := $(filter train_% exchange_costs,$(PROGRAMS))
# $(1) build, $(2) the ordinary one
define MPI_BUILD
$$(MANY:%=build/$(1)/programs/%): build/$(1)/programs/%: build/$(2)/src/programs/%.o build/$(2)/src/train/world_mpi.o build/$(2)/libapp.a build/$(2)/libsight.a
	@mkdir -p $$(@D)
	$$(or $$(CC_$(2)),$$(CC)) $$(FLAGS_$(2)) $$(LINK_$(2)) $$^ $$(LIBS) $$(MPI_LIBS) -o $$@
$(1): $$(foreach p,$$(MANY),build/$(1)/$$(call dash,$$(p)))
endef
# Programs are found as build/NAME, and as build/debug/NAME and so on, with - for _.
dash = $(subst _,-,$(1))
define LINKS
build/$(call dash,$(1)): build/release/programs/$(1)
	@ln -sf release/programs/$(1) $$@
$(patsubst %,build/%/$(call dash,$(1)),asan debug $(if $(filter $(1),$(MANY)),$(WITH_MPI))): build/%/$(call dash,$(1)): build/%/programs/$(1)
	@ln -sf programs/$(1) $$@
endef
$(foreach p,$(PROGRAMS),$(eval $(call LINKS,$(p))))
ifneq ($(MPI_LIBS),)
$(eval $(call MPI_BUILD,mpi,release))
$(eval $(call MPI_BUILD,mpi-debug,debug))
$(eval $(call MPI_BUILD,mpi-valgrind,valgrind))
$(eval $(call MPI_BUILD,mpi-tsan,tsan))
else
$(WITH_MPI): ; @echo "make $@: expected Open MPI (libopenmpi-dev, openmpi-bin), found none: make deps" >&2; exit 1
endif
programs: $(foreach p,$(PROGRAMS),build/$(call dash,$(p)))
debug: $(foreach p,$(PROGRAMS),build/debug/$(call dash,$(p)))
walk: debug ; @tools/walk "$(CHAPTER)"

# ---- The library and its programs, for others -------------------------------------------------------
PREFIX := /usr/local
DESTDIR :=
VERSION := $(shell sed -n 's/^#define SIGHT_VERSION "\(.*\)"/\1/p' src/api/sight.h)
SONAME := libsight.so.$(firstword $(subst ., ,$(VERSION)))
INSTALLED := zeroshot classify embed inspect export
LIB := build/lib
library: $(LIB)/libsight.a $(LIB)/libsight.so $(LIB)/sight.pc
# One object, in which all names but sight_... have become its own.
$(LIB)/libsight.a: build/shared/libsight.a
	@mkdir -p $(@D)
	ld -r --whole-archive $< -o $(LIB)/sight.o
	objcopy --wildcard --keep-global-symbol='sight_*' $(LIB)/sight.o
	@rm -f $@
	ar rcs $@ $(LIB)/sight.o
$(LIB)/libsight.so: build/shared/libsight.a
	@mkdir -p $(@D)
	$(CC) -shared -fopenmp -Wl,-soname,$(SONAME) -Wl,--whole-archive $< -Wl,--no-whole-archive -Wl,-z,defs \
	    -Wl,--version-script=tools/sight.map $(LIBS) -o $@
$(LIB)/sight.pc: src/api/sight.h Makefile
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$${prefix}/lib' 'includedir=$${prefix}/include' '' 'Name: sight' \
	    'Description: vision encoders: CLIP, EVA-CLIP, SigLIP' 'Version: $(VERSION)' 'Cflags: -I$${includedir}' \
	    'Libs: -L$${libdir} -lsight' 'Libs.private: $(filter-out -Wl%,$(LIBS)) -fopenmp' >$@
build/man/sight-%.1: build/% tools/man
	@mkdir -p $(@D)
	tools/man $* >$@.new && mv $@.new $@
.PHONY: library install uninstall
install: library $(INSTALLED:%=build/%) $(INSTALLED:%=build/man/sight-%.1)
	tools/install "$(DESTDIR)$(PREFIX)" "$(PREFIX)" $(VERSION) $(INSTALLED)
uninstall: ; tools/install --remove "$(DESTDIR)$(PREFIX)" $(INSTALLED)

# ---- Tests ------------------------------------------------------------------------------------------
# Suites that run programs and gdb only make sense once; the others run in float and in double, and with
# both sets of kernels.
ONCE := $(SLOW) test_debugger test_rooms test_manners test_programs test_captions test_tokens test_clip_programs test_mae_programs \
        test_eva_programs test_siglip_programs test_language_programs test_sketch test_published_lists test_look_programs test_install
# $(1) build: run suites, two at a time, each one's lines together; fail at the end if any did.
run_suites = export OMP_WAIT_POLICY=passive; printf '%s\n' $(2) | xargs -P 2 -I TEST sh -c \
    'said=$$(SCRATCH=build/scratch/$(1)/TEST $(3) build/$(1)/tests/TEST 2>&1); status=$$?; printf "%s\n" "$$said"; exit $$status'
CHECKED := programs debug library $(INSTALLED:%=build/man/sight-%.1) build/naive/train-vit build/faults/shim.so build/release/libsight.a $(TESTS:%=build/release/tests/%)
check-float: $(CHECKED)
	@echo "== float"; $(call run_suites,release,$(filter-out $(if $(filter naive,$(KERNELS)),$(ONCE)),$(TESTS)))
suites: $(CHECKED) $(TESTS:%=build/double/tests/%)
check:
	+$(MAKE) $(SIDE_BY_SIDE) drift warnings suites
	@echo "== what the text concludes from figures/reference"; tools/compare claims >/dev/null
	+$(MAKE) $(SIDE_BY_SIDE) same-bits
	+$(MAKE) check-float
	@echo "== double"; $(call run_suites,double,$(filter-out $(ONCE),$(TESTS)))
# A little of every training, every bit of it as committed, with vectors of two widths.
TRAINED := train_vit train_clip train_siglip train_mae train_eva train_language
same-bits: $(TRAINED:%=build/release/programs/%) $(TRAINED:%=build/avx2/programs/%) tools/same-bits
	tools/same-bits build/release
	tools/same-bits build/avx2
check-asan: export ASAN_OPTIONS := allocator_may_return_null=1
check-asan: build/naive/train-vit build/asan/libsight.a $(TESTS:%=build/asan/tests/%) $(TESTS:%=build/asan-double/tests/%) \
        $(foreach p,$(PROGRAMS),build/asan/$(call dash,$(p)))
	@echo "== float, sanitized"; export PROGRAMS=build/asan; \
	    $(call run_suites,asan,$(filter-out test_debugger test_install test_published_lists test_faults test_killed test_every_option,$(TESTS)))
	@echo "== double, sanitized"; $(call run_suites,asan-double,$(filter-out $(ONCE),$(TESTS)))
# valgrind knows of each bit whether it was set. For any processor, since it does not know the newest
# instructions; no children, so that what one test leaves behind is seen.
WATCHED := $(filter-out $(ONCE) test_trainer test_readers test_kernels test_bf16 test_cached test_reference test_vector,$(TESTS))
check-valgrind: $(WATCHED:%=build/valgrind/tests/%)
	@export CK_FORK=no OMP_NUM_THREADS=1; $(call run_suites,valgrind,$(WATCHED),valgrind --quiet --error-exitcode=3 --leak-check=full \
	    --errors-for-leak-kinds=definite --show-leak-kinds=definite)
# ThreadSanitizer with the runtime that tells it what OpenMP's barriers order.
THREADED := test_kernels test_cached test_data_parallel test_gathered test_clip test_info_nce test_probe test_recall test_cifar test_mae test_sight
check-tsan: $(THREADED:%=build/tsan/tests/%)
	@export OMP_NUM_THREADS=3 TSAN_OPTIONS=ignore_noninstrumented_modules=1:allocator_may_return_null=1; $(call run_suites,tsan,$(THREADED))
# Several processes train as one does (KILLS: how often one is killed).
check-mpi: programs $(WITH_MPI) ; tools/check-mpi
bench-mpi: programs mpi
	tools/bench-mpi
	tools/check-mpi net
analyze: ; tools/analyze
# Every call to the system fails once; make check kills two hundred runs, this two thousand.
trust: programs build/faults/shim.so build/release/tests/test_faults build/release/tests/test_killed
	FAULT_STRIDE=1 SCRATCH=build/scratch/trust build/release/tests/test_faults
	KILLS=2000 SCRATCH=build/scratch/trust build/release/tests/test_killed
build/faults/shim.so: tests/faults/shim.c
	@mkdir -p $(@D)
	$(CC) $(COMMON) -O1 -shared -fPIC $< -o $@
SECONDS := 60
build/fuzz/fuzz: build/fuzz/tests/fuzz/fuzz.o build/fuzz/tests/fuzz/readers.o build/fuzz/libapp.a build/fuzz/libsight.a
	clang -fopenmp -fsanitize=fuzzer,address,undefined -Wl,--wrap=exit $^ $(LIBS) -o $@
fuzz: build/fuzz/fuzz
	tools/fuzz $(SECONDS) image idx merges cifar labels emoji checkpoint model published config options
drift: ; tools/drift
# Every file, in float and double, with gcc and clang: no warning at all.
warnings: $(TANGLED)
	@for cc in gcc clang; do for real in "" -DREAL_DOUBLE; do for f in $(filter-out $(if $(MPI_FLAGS),,src/train/world_mpi.c),$(filter %.c,$(TANGLED))); do \
	    echo "$$cc $$real $$f"; done; done; done | xargs -P 2 -L 1 sh -c 'exec "$$0" $(COMMON) -Werror -fopenmp -fsyntax-only -Isrc -Isrc/api -Itests $(MPI_FLAGS) "$$@"'
reference:
	/usr/bin/python3 tests/fixtures/reference.py
clean:
	rm -rf build
include figures/book.mk
endif
