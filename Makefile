# Sight Reading. The chapters are the source; `make help` lists what can be made of them.

ifneq ($(filter deps,$(MAKECMDGOALS)),)
# Packages first, alone; then everything else in a make of its own that sees them.
REST := $(filter-out deps,$(MAKECMDGOALS))
.PHONY: deps $(REST)
deps:
	tools/deps
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
LIBRARY := $(filter-out src/programs/% src/kernels/% src/peers/%,$(filter src/%.c,$(TANGLED)))
PROGRAMS := $(patsubst src/programs/%.c,%,$(filter src/programs/%.c,$(TANGLED)))
# The longest suites first, so that no core waits for one of them alone.
SLOW := test_every_option test_faults test_killed test_stopped
TESTS := $(SLOW) $(filter-out $(SLOW),$(patsubst tests/%.c,%,$(filter tests/test_%.c,$(TANGLED))))

.PHONY: all help data book book-full sketch pdf programs suites check check-float check-asan check-valgrind check-tsan analyze fuzz trust debug tangle drift warnings reference clean
all: programs

help:
	@echo "make deps        install the packages and fetch the data sets (Debian 12)"
	@echo "make book        tangle, build, train what the figures need, plot, weave build/book.pdf"
	@echo "make book-full   the same with longer sweeps and more seeds"
	@echo "make numbers     hold the runs of make book against what they have to reach"
	@echo "make sketch      the quick tour: all of it in small, in seconds"
	@echo "make pdf         weave again from the runs that are there"
	@echo "make check       all tests; make check-asan: the same under the sanitizers"
	@echo "make same-bits   short runs of every training: no bit may differ from the committed sums"
	@echo "make check-valgrind, make check-tsan: under valgrind, under ThreadSanitizer"
	@echo "make analyze     gcc -fanalyzer, clang-tidy, cppcheck; make fuzz SECONDS=60: hostile files"
	@echo "make trust       every call to the system fails once, 2000 runs are killed"
	@echo "make debug       build/debug/*: naive kernels, unoptimised, gdb shows the chapters"
	@echo "make bench       speed of every kernel and training step, against this machine's peak"
	@echo "make bench-peers the same against PyTorch, OpenBLAS and oneDNN, in turn"
	@echo "make programs    build/train-vit, build/patches, ..."
	@echo "make tangle      write src/ and tests/ again from chapters/"
	@echo "make reference   compute tests/fixtures again with PyTorch (needs python3-torch)"

data:
	data/fetch

# ---- From chapters to C -----------------------------------------------------------------------
# Files are rewritten only where they change, so that a change of prose rebuilds nothing. Without
# noweb the committed files are used as they are.
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
$(addprefix build/debug/tangled/,$(TANGLED)): build/debug.stamp ;
endif
tangle: build/tangle.stamp

# ---- Two sets of kernels -----------------------------------------------------------------------
# Both are always built; which of them is linked is a choice. Debugging shows the naive ones.
KERNELS := fast
ifeq ($(filter $(KERNELS),fast naive),)
$(error KERNELS: expected fast or naive, found $(KERNELS))
endif
NAIVE := src/kernels/naive.c src/kernels/gemm.c src/kernels/common.c
FAST := src/kernels/fast.c src/kernels/gemm.c src/kernels/common.c
KERNELS_debug := $(NAIVE)
kernels_of = $(or $(KERNELS_$(1)),$(if $(filter fast,$(KERNELS)),$(FAST),$(NAIVE)))

# ---- Five builds of the same sources ----------------------------------------------------------
# No -ffast-math. -ffp-contract=fast allows a*b+c in one instruction; -fno-math-errno lets sqrt be one,
# -fno-trapping-math lets both sides of a choice be computed; 512-bit vectors where there are any.
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wvla
WIDE := $(shell $(CC) -mprefer-vector-width=512 -E -x c /dev/null >/dev/null 2>&1 && echo -mprefer-vector-width=512)
COMMON := -std=c17 -D_DEFAULT_SOURCE -D_POSIX_C_SOURCE=200809L $(WARNINGS)
FLAGS_release := -O3 -march=native $(WIDE) -ffp-contract=fast -fno-math-errno -fno-trapping-math -fopenmp
FLAGS_double := -DREAL_DOUBLE -O2 -march=native -ffp-contract=fast -fno-math-errno -fno-trapping-math -fopenmp
FLAGS_asan := -O1 -g -fopenmp -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_asan-double := -DREAL_DOUBLE $(FLAGS_asan)
# stb's JPEG writer, which only tests use, shifts into the sign bit; all else in it is checked.
build/asan/src/data/stb.o build/asan-double/src/data/stb.o: COMMON += -fno-sanitize=shift
FLAGS_debug := -O0 -g3 -Wno-unknown-pragmas
LINK_debug := -fopenmp
FLAGS_valgrind := -O1 -g -fopenmp
CC_tsan := clang
FLAGS_tsan := -O1 -g -fopenmp -fsanitize=thread
# The same on every x86-64 machine with AVX2 and FMA: builds for AVX-512 sum in another order.
FLAGS_bits := $(patsubst -march=native,-march=x86-64-v3,$(filter-out $(WIDE),$(FLAGS_release)))
CC_fuzz := clang
FLAGS_fuzz := -O1 -g -Wno-unknown-pragmas -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LIBS := -ljansson -lz -lunistring -lm
CHECK_LIBS := $(shell pkg-config --libs check 2>/dev/null || echo -lcheck -lsubunit -lm -lrt -lpthread)

build/kernels.chosen: FORCE
	@mkdir -p build
	@echo $(KERNELS) | cmp -s - $@ || echo $(KERNELS) >$@

# $(1) build, $(2) folder of its sources
define BUILD
build/$(1)/%.o: $(2)%.c Makefile
	@mkdir -p $$(@D)
	$$(or $$(CC_$(1)),$$(CC)) $$(FLAGS_$(1)) $$(COMMON) -I$(2)src -I$(2)tests -MMD -MP -c $$< -o $$@
build/$(1)/libsight.a: $$(patsubst %.c,build/$(1)/%.o,$$(LIBRARY) $(call kernels_of,$(1))) build/kernels.chosen
	@rm -f $$@
	ar rcs $$@ $$(filter %.o,$$^)
build/$(1)/tests/test_%: build/$(1)/tests/test_%.o build/$(1)/tests/testing.o build/$(1)/libsight.a
	$$(or $$(CC_$(1)),$$(CC)) $$(FLAGS_$(1)) $$(LINK_$(1)) $$(WRAP) $$(filter %.o,$$^) $$(filter %.a,$$^) $$(CHECK_LIBS) $$(LIBS) -o $$@
build/$(1)/tests/test_kernels: $$(patsubst %,build/$(1)/%.o,tests/naive_kernels tests/fast_kernels src/kernels/gemm)
build/$(1)/tests/test_readers: build/$(1)/tests/fuzz/readers.o
build/$(1)/tests/test_readers: WRAP := -Wl,--wrap=exit
# A program that comes out as before keeps its date, so that no run is done again for nothing.
$$(PROGRAMS:%=build/$(1)/programs/%): build/$(1)/programs/%: build/$(1)/src/programs/%.o build/$(1)/libsight.a
	@mkdir -p $$(@D)
	$$(CC) $$(FLAGS_$(1)) $$(LINK_$(1)) $$^ $$(LIBS) -o $$@.new
	@cmp -s $$@.new $$@ && rm $$@.new || mv $$@.new $$@
-include $$(wildcard build/$(1)/src/*/*.d build/$(1)/tests/*.d build/$(1)/tests/fuzz/*.d)
endef
$(eval $(call BUILD,release,))
$(eval $(call BUILD,double,))
$(eval $(call BUILD,asan,))
$(eval $(call BUILD,asan-double,))
$(eval $(call BUILD,debug,build/debug/tangled/))
$(eval $(call BUILD,bits,))
$(eval $(call BUILD,fuzz,))
$(eval $(call BUILD,valgrind,))
$(eval $(call BUILD,tsan,))

# Programs with the naive kernels, to compare with.
build/naive/bench build/naive/train-vit: build/naive/%: $(LIBRARY:%.c=build/release/%.o) $(NAIVE:%.c=build/release/%.o)
build/naive/bench: build/release/src/programs/bench.o
build/naive/train-vit: build/release/src/programs/train_vit.o
build/naive/bench build/naive/train-vit:
	@mkdir -p $(@D)
	$(CC) $(FLAGS_release) $^ $(LIBS) -o $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# Programs are found as build/NAME and build/debug/NAME, with - for _.
dash = $(subst _,-,$(1))
define LINKS
build/$(call dash,$(1)): build/release/programs/$(1)
	@ln -sf release/programs/$(1) $$@
build/asan/$(call dash,$(1)): build/asan/programs/$(1)
	@ln -sf programs/$(1) $$@
build/debug/$(call dash,$(1)): build/debug/programs/$(1)
	@ln -sf programs/$(1) $$@
endef
$(foreach p,$(PROGRAMS),$(eval $(call LINKS,$(p))))
.PHONY: programs
programs: $(foreach p,$(PROGRAMS),build/$(call dash,$(p)))
debug: $(foreach p,$(PROGRAMS),build/debug/$(call dash,$(p)))

# ---- Runs, figures, book -----------------------------------------------------------------------
# The sheets of CIFAR-10 are unpacked once, since each run would do it again.
UNPACKED := data/cifar10/test_batch.bin
$(UNPACKED): | build/release/programs/unpack_cifar10
	build/release/programs/unpack_cifar10

# A run is done again when its program or its options changed, not when prose did. A run by itself uses
# all cores and waits for its turn (a lock). make book does as many at once as there are cores, one core
# for each: small encoders make better use of them that way, and the numbers are the same. What measures
# speed has the machine for itself.
TURN := flock build/runs/lock
ABREAST := flock --shared build/runs/lock env OMP_NUM_THREADS=1
# One job for each core, unless make was told how many.
SIDE_BY_SIDE = $(if $(findstring -j,$(MAKEFLAGS)),,-j $(shell nproc))
RUN_vit-shapes :=
RUN_vit-mnist := --data mnist --depth 3 --epochs 4 --lr 3e-3 --beta2 0.95
RUN_vit-cifar := --data cifar10 --steps 950 --lr 2e-3 --beta2 0.95 --clip 0 --augment none
RUN_pre-norm := --norm pre --depth 12 --width 32 --epochs 3 --warmup 0 --lr 2e-3 --clip 0
RUN_post-norm := --norm post --depth 12 --width 32 --epochs 3 --warmup 0 --lr 2e-3 --clip 0
$(foreach p,none learned sincos,$(eval RUN_position-$(p) := --position $(p) --epochs 4))
$(foreach p,none learned sincos,$(eval RUN_digits-$(p) := --data mnist --position $(p) --steps 250))
# Fine-tuning with 1, 10 and 100 percent of the labels, from what MAE learnt and from first values.
TUNED := --data cifar10 --test 2000 --lr 3e-3 --from build/runs/mae-cifar
TUNE_500 := --labels 500 --steps 60
TUNE_5000 := --labels 5000 --steps 90
TUNE_50000 := --labels 50000 --steps 120
$(foreach n,500 5000 50000,$(eval RUN_tune-mae-$(n) := $(TUNED) --layer-decay 0.75 $(TUNE_$(n))))
$(foreach n,500 5000 50000,$(eval RUN_tune-none-$(n) := $(TUNED) --init random $(TUNE_$(n))))
CLIP_clip-shapes := --patch-size 8 --style vit --pool mean --text-depth 1 --epochs 14 --lr 4e-3 --beta2 0.95 --weight-decay 0.2 --augment none --context 12
CLIP_clip-emoji := --data emoji --steps 850 --lr 1.5e-3 --weight-decay 0.2 --embed 96 --vocabulary 1500 --context 12
CLIP_clip-half := --patch-size 8 --steps 120 --clip 0
CLIP_clip-sum := --patch-size 8 --steps 120 --clip 0 --loss sum
# The same encoders with the sigmoid loss, and both losses in SigLIP's.
CLIP_clip-sigmoid := --patch-size 8 --steps 120 --clip 0 --loss sigmoid --bias paper --scale 10
SIGLIP_siglip-shapes := --patch-size 8 --text-depth 1 --epochs 16 --lr 4e-3 --weight-decay 0.2 --augment none --context 12 --positives captions --logit-lr-scale 10
SIGLIP_siglip-emoji := --data emoji --style clip --pool mean --text-depth 1 --steps 1400 --lr 2e-3 --weight-decay 0.2 --vocabulary 1500 --context 12 --logit-lr-scale 10
MAE_mae-cifar := --data cifar10 --lr 2.5e-3 --steps 1000
MAE_mae-scenes := --data scenes --patch-size 8 --steps 400
# Ratios of mask: 25, 50, 75, 90 percent; that at 75 is trained longer above.
$(foreach r,25 50 75 90,$(eval MAE_mae-ratio-$(r) := --data cifar10 --steps 80 --ratio 0.$(r)))
# Students of the CLIP of scenes: what is predicted, what is hidden.
PREDICT := --patch-size 8 --batch 64 --steps 500 --lr 4e-3 --augment none
SCENES_TEACHER := --teacher build/runs/clip-shapes $(PREDICT)
EVA_eva-scenes := $(SCENES_TEACHER)
EVA_eva-features-random := $(SCENES_TEACHER) --masks random --ratio 0.75
EVA_eva-pixels-blocks := --target pixels $(PREDICT)
EVA_eva-pixels-random := --target pixels $(PREDICT) --masks random --ratio 0.75
# CLIPs that start from these encoders, and from none: once with the same steps, once with the same pictures.
PAIRED := --steps 120 --text-depth 1 --context 12 --augment none
STUDENTS := eva-scenes eva-features-random eva-pixels-blocks eva-pixels-random mae-scenes
$(foreach s,$(STUDENTS),$(eval EVA_warm-$(s) := --from build/runs/$(s) $(PAIRED)))
EVA_cold := --from build/runs/eva-scenes --init random $(PAIRED)
EVA_cold-long := --from build/runs/eva-scenes --init random $(PAIRED) --steps 370
EVA_eva-emoji := --data emoji --teacher build/runs/clip-emoji $(PREDICT)
EVA_warm-emoji := --data emoji --from build/runs/eva-emoji --steps 100 --context 12
EVA_cold-emoji := --data emoji --from build/runs/eva-emoji --init random --steps 100 --context 12
MANY := --data cifar10 --test 2000 --steps 3000
PROBE_probe-clip := clip-shapes --data scenes
PROBE_probe-random := clip-shapes --data scenes --weights random
PROBE_probe-mae := mae-cifar $(MANY)
PROBE_probe-mae-random := mae-cifar $(MANY) --weights random
$(foreach r,25 50 75 90,$(eval PROBE_probe-ratio-$(r) := mae-ratio-$(r) --data cifar10 --labels 5000 --test 2000))
PROBE_probe-vit := vit-cifar $(MANY)
FEW := --data cifar10 --test 2000 --steps 1000
$(foreach n,500 5000,$(eval PROBE_probe-none-$(n) := mae-cifar $(FEW) --labels $(n) --weights random))
$(foreach n,500 5000,$(eval PROBE_probe-mae-$(n) := mae-cifar $(FEW) --labels $(n)))
$(foreach n,500 5000,$(eval PROBE_probe-vit-$(n) := vit-cifar $(FEW) --labels $(n)))
EVA_eva02-scenes := $(SCENES_TEACHER) --block eva02
EVA_warm-eva02-scenes := --from build/runs/eva02-scenes $(PAIRED)
EVA_warm-decay := --from build/runs/eva-scenes $(PAIRED) --layer-decay 0.75
# Five ideas on the same scenes, each with the same number of pictures seen.
EVO := --patch-size 8 --steps 200 --augment none
HALF := --steps 100 --augment none
RUN_evo-vit := --data scenes --batch 128 --lr 2e-3 $(EVO)
CLIP_evo-clip := --context 12 $(EVO)
MAE_evo-mae := --data scenes $(EVO)
MAE_evo-filling := --data scenes --patch-size 8 $(HALF)
EVA_evo-common := --from build/runs/evo-filling $(HALF)
EVA_evo-features := --teacher build/runs/evo-clip --patch-size 8 $(HALF)
EVA_evo-eva := --from build/runs/evo-features $(HALF)
SIGLIP_evo-siglip := --context 12 $(EVO)
EVOLVED := vit clip mae common eva siglip
$(foreach e,$(EVOLVED),$(eval PROBE_evo-probe-$(e) := evo-$(e) --data scenes --test 1000 --labels 6000 --steps 600))
SPEED := bench bench-naive matmul-steps
# How many seeds a comparison of losses has; make book-full takes more of them, and longer.
SWEEP := --seeds 3 --pairs 7000
# make book BRIEF='--steps 20': every run in seconds, to see that all of it works; the numbers mean nothing.
BRIEF :=
ifneq ($(BRIEF),)
BRIEF_PROBE := --labels 1000 --test 200 --steps 50
SWEEP := --seeds 1 --pairs 1000
endif
RUNS := $(patsubst RUN_%,%,$(filter RUN_%,$(.VARIABLES)))
CLIPS := $(patsubst CLIP_%,%,$(filter CLIP_%,$(.VARIABLES)))
SIGLIPS := $(patsubst SIGLIP_%,%,$(filter SIGLIP_%,$(.VARIABLES)))
MAES := $(patsubst MAE_%,%,$(filter MAE_%,$(.VARIABLES)))
EVAS := $(patsubst EVA_%,%,$(filter EVA_%,$(.VARIABLES)))
PROBED := $(patsubst PROBE_%,%,$(filter PROBE_%,$(.VARIABLES)))
SUMMARIES := $(RUNS:%=build/runs/%/summary.tsv) $(CLIPS:%=build/runs/%/summary.tsv) $(SIGLIPS:%=build/runs/%/summary.tsv) \
             $(MAES:%=build/runs/%/summary.tsv) $(EVAS:%=build/runs/%/summary.tsv) $(PROBED:%=build/runs/%/summary.tsv) build/runs/tape-example/summary.tsv \
             build/runs/captions/summary.tsv build/runs/tokens/summary.tsv \
             build/runs/sweep/summary.tsv build/runs/steady/summary.tsv \
             build/runs/vector-error/summary.tsv $(SPEED:%=build/runs/%/summary.tsv)
FIGURES := $(patsubst figures/%.gp,build/figures/%.tex,$(filter-out figures/style.gp,$(wildcard figures/*.gp)))
FIGURE_DATA := build/runs/step-size-float.tsv build/runs/step-size-double.tsv build/runs/gelu.tsv \
               build/runs/profile.tsv build/runs/matmul-steps/steps.tsv \
               build/runs/vit-mnist/layers.tsv build/runs/pull.tsv build/runs/start.tsv build/runs/mae-cost.tsv build/runs/tokens/sizes.tsv \
               build/runs/mae-ratios.tsv build/runs/starts.tsv build/runs/budgets.tsv build/runs/layers.tsv \
               build/runs/logit.tsv build/runs/pair-memory.tsv build/runs/sweep.tsv build/runs/biases.tsv build/runs/evolution.tsv
TABLES := build/runs/macros.tex build/runs/modules.tex build/runs/configurations.tex build/runs/giants.tex \
          build/runs/peers.tex build/runs/peer-products.tex build/runs/fuzzing.tex \
          build/runs/vit-mnist/mistakes.tex build/runs/tokens/merges.tex \
          build/runs/clip-emoji/answers.tex build/runs/clip-shapes/answers.tex \
          build/runs/captions/scenes.tex build/runs/captions/emoji.tex \
          build/runs/truths.tex build/runs/evolution.tex build/runs/sketch/sketch.txt \
          build/runs/mae-cifar/early.png build/runs/mae-cifar/late.png \
          build/runs/siglip-emoji/answers.tex

.PHONY: FORCE runs
FORCE:
OPTIONS_OF = $(RUN_$*)$(CLIP_$*)$(SIGLIP_$*)$(MAE_$*)$(EVA_$*) $(BRIEF)
build/runs/%.options: FORCE
	@mkdir -p build/runs
	@echo '$(OPTIONS_OF)' | cmp -s - $@ || echo '$(OPTIONS_OF)' >$@
$(RUNS:%=build/runs/%/summary.tsv): build/runs/%/summary.tsv: build/release/programs/train_vit build/runs/%.options
	@rm -f $@
	$(TURN) build/release/programs/train_vit $(RUN_$*) $(BRIEF) --out build/runs/$*
# A run may begin with what another has learnt.
$(foreach r,$(RUNS),$(eval build/runs/$(r)/summary.tsv: $(patsubst %,%/summary.tsv,$(filter build/runs/%,$(RUN_$(r))))))
$(CLIPS:%=build/runs/%/summary.tsv): build/runs/%/summary.tsv: build/release/programs/train_clip build/runs/%.options
	@rm -f $@
	$(TURN) build/release/programs/train_clip $(CLIP_$*) $(BRIEF) --out build/runs/$*
$(SIGLIPS:%=build/runs/%/summary.tsv): build/runs/%/summary.tsv: build/release/programs/train_siglip build/runs/%.options
	@rm -f $@
	$(TURN) build/release/programs/train_siglip $(SIGLIP_$*) $(BRIEF) --out build/runs/$*
$(MAES:%=build/runs/%/summary.tsv): build/runs/%/summary.tsv: build/release/programs/train_mae build/runs/%.options
	@rm -f $@
	$(TURN) build/release/programs/train_mae $(MAE_$*) $(BRIEF) --out build/runs/$*
# $(1) run, which may begin with what another run has learnt.
define STUDYING
build/runs/$(1)/summary.tsv: build/release/programs/train_eva build/runs/$(1).options \
                             $(patsubst %,%/summary.tsv,$(filter build/runs/%,$(EVA_$(1))))
	@rm -f $$@
	$(TURN) build/release/programs/train_eva $(EVA_$(1)) $(BRIEF) --out build/runs/$(1)
endef
$(foreach r,$(EVAS),$(eval $(call STUDYING,$(r))))
# $(1) probe: its first word is the run whose image encoder is looked at.
define PROBING
build/runs/$(1)/summary.tsv: build/release/programs/probe build/runs/$(firstword $(PROBE_$(1)))/summary.tsv
	@mkdir -p $$(@D)
	$(TURN) build/release/programs/probe build/runs/$(PROBE_$(1)) $(BRIEF_PROBE) >$$@.new && mv $$@.new $$@
endef
$(foreach p,$(PROBED),$(eval $(call PROBING,$(p))))
# The long ones first, so that no core waits for the last of them alone.
LONG := clip-shapes siglip-shapes mae-cifar vit-cifar siglip-emoji vit-mnist clip-emoji sweep probe-mae probe-mae-random probe-vit
runs: $(LONG:%=build/runs/%/summary.tsv) $(filter-out $(SPEED:%=build/runs/%/summary.tsv),$(SUMMARIES)) \
      build/runs/evolution.tex build/runs/pair-memory.tsv

# $(1) file, $(2) program: what a program prints.
define PRINTED
$(1): build/$(2)
	@mkdir -p $$(@D)
	build/$(2) >$$@.new && mv $$@.new $$@
endef
$(eval $(call PRINTED,build/runs/tape-example/summary.tsv,release/programs/tape_example))
$(eval $(call PRINTED,build/runs/step-size-float.tsv,release/programs/step_size))
$(eval $(call PRINTED,build/runs/step-size-double.tsv,double/programs/step_size))
$(eval $(call PRINTED,build/runs/gelu.tsv,release/programs/gelu_curves))
$(eval $(call PRINTED,build/runs/configurations.tex,release/programs/configurations))
build/runs/giants.tex: build/release/programs/configurations
	@mkdir -p $(@D)
	build/release/programs/configurations --set giants >$@.new && mv $@.new $@
$(eval $(call PRINTED,build/runs/vector-error/summary.tsv,release/programs/vector_error))

build/runs/pull.tsv build/runs/start.tsv build/runs/logit.tsv: build/runs/%.tsv: build/release/programs/contrast_curves
	@mkdir -p $(@D)
	build/release/programs/contrast_curves --curve $* >$@.new && mv $@.new $@

# Speed, measured when no other run is under way, with both sets of kernels.
build/runs/bench/bench.tsv: build/release/programs/bench
	@mkdir -p $(@D)
	flock build/runs/lock build/release/programs/bench --samples 1 --out $@
# The naive kernels are not tried on the largest model.
build/runs/bench-naive/bench.tsv: build/naive/bench
	@mkdir -p $(@D)
	flock build/runs/lock build/naive/bench --set steps --only 'vit-*[!2]' --samples 1 --out $@
build/runs/bench/profile.tsv: build/release/programs/bench
	@mkdir -p $(@D)
	flock build/runs/lock build/release/programs/bench --set profile --threads 1 --out $@
build/runs/bench-naive/profile.tsv: build/naive/bench
	@mkdir -p $(@D)
	flock build/runs/lock build/naive/bench --set profile --threads 1 --samples 1 --out $@
build/runs/matmul-steps/steps.tsv: build/release/programs/matmul_steps
	@mkdir -p $(@D)
	flock build/runs/lock build/release/programs/matmul_steps >$@.new && mv $@.new $@
$(SPEED:%=build/runs/%/summary.tsv): build/runs/%/summary.tsv: build/runs/speed.stamp ;
build/runs/speed.stamp: build/runs/bench/bench.tsv build/runs/bench-naive/bench.tsv build/runs/matmul-steps/steps.tsv tools/tables
	for run in bench bench-naive; do tools/tables speed build/runs/$$run >build/runs/$$run/summary.tsv || exit 1; done
	tools/tables steps build/runs/matmul-steps >build/runs/matmul-steps/summary.tsv
	@touch $@
# The first and the last of the pictures that a run filled in on its way.
FILLED := build/runs/mae-cifar/early.png build/runs/mae-cifar/late.png
$(FILLED): build/runs/mae-cifar/summary.tsv
	cp $$(ls $(@D)/filled-[0-9]*.png | sort -V | $(if $(findstring early,$@),head,tail) -n 1) $@
build/runs/mae-cost.tsv: build/runs/bench/bench.tsv tools/tables
	tools/tables mae-cost $< >$@.new && mv $@.new $@
# Comparisons of losses: many small models, and what came of them.
SWEPT := $(foreach s,batches biases truths,build/runs/sweep/$(s).tsv)
build/runs/sweep.options: FORCE
	@mkdir -p build/runs
	@echo '$(SWEEP)' | cmp -s - $@ || echo '$(SWEEP)' >$@
$(SWEPT): build/runs/sweep/%.tsv: build/release/programs/loss_sweep build/runs/sweep.options
	@mkdir -p $(@D)
	$(TURN) build/release/programs/loss_sweep --set $* $(SWEEP) >$@.new && mv $@.new $@
build/runs/sweep/summary.tsv: $(SWEPT) tools/tables
	tools/tables sweep $(@D) >$@.new && mv $@.new $@
build/runs/sweep.tsv build/runs/biases.tsv: build/runs/%.tsv: $(SWEPT) tools/tables
	tools/tables spread build/runs/sweep $* >$@.new && mv $@.new $@
build/runs/truths.tex: $(SWEPT) tools/tables
	tools/tables truths build/runs/sweep/truths.tsv >$@.new && mv $@.new $@
STEADY := clip-half clip-sigmoid
build/runs/steady/summary.tsv: $(STEADY:%=build/runs/%/summary.tsv) tools/tables
	@mkdir -p $(@D)
	tools/tables steady $(STEADY:%=build/runs/%) >$@.new && mv $@.new $@
build/runs/pair-memory.tsv: build/release/programs/pair_memory
	$(TURN) build/release/programs/pair_memory >$@.new && mv $@.new $@
build/runs/sketch/sketch.txt: build/release/programs/sketch
	@mkdir -p $(@D)
	build/release/programs/sketch >$@.new && mv $@.new $@
# What the five ideas came to; those that know words are looked at by a program.
SPEAKING := clip common eva siglip
$(SPEAKING:%=build/runs/evo-%/words.tsv): build/runs/evo-%/words.tsv: build/release/programs/evolution build/runs/evo-%/summary.tsv
	$(TURN) build/release/programs/evolution build/runs/evo-$* >$@.new && mv $@.new $@
build/runs/evolution.tex build/runs/evolution.tsv: build/runs/evolution.%: $(EVOLVED:%=build/runs/evo-%/summary.tsv) build/runs/evo-filling/summary.tsv \
        build/runs/evo-features/summary.tsv $(SPEAKING:%=build/runs/evo-%/words.tsv) $(EVOLVED:%=build/runs/evo-probe-%/summary.tsv) tools/tables
	tools/tables evolution $* >$@.new && mv $@.new $@
MASK_RATIOS := $(filter mae-ratio-%,$(MAES))
build/runs/mae-ratios.tsv: $(MASK_RATIOS:%=build/runs/%/summary.tsv) $(MASK_RATIOS:mae-%=build/runs/probe-%/summary.tsv) tools/tables
	tools/tables ratios $(MASK_RATIOS:%=build/runs/%) >$@.new && mv $@.new $@
BUDGETS := tune-none tune-mae probe-none probe-mae probe-vit
build/runs/budgets.tsv: $(SUMMARIES) tools/tables
	tools/tables budgets $(BUDGETS:%=build/runs/%) >$@.new && mv $@.new $@
build/runs/layers.tsv: build/runs/warm-eva-scenes/summary.tsv build/runs/warm-decay/summary.tsv tools/tables
	tools/tables visual-layers build/runs/warm-eva-scenes build/runs/warm-decay >$@.new && mv $@.new $@
STARTS := warm-eva-scenes warm-mae-scenes cold cold-long
build/runs/starts.tsv: $(STARTS:%=build/runs/%/summary.tsv) tools/tables
	tools/tables starts $(STARTS:%=build/runs/%) >$@.new && mv $@.new $@
build/runs/profile.tsv: build/runs/bench/profile.tsv build/runs/bench-naive/profile.tsv tools/tables
	tools/tables profile build/runs/bench-naive/profile.tsv build/runs/bench/profile.tsv >$@.new && mv $@.new $@
build/runs/patches/patches.png: build/release/programs/patches
	build/release/programs/patches --out build/runs/patches
# Text to learn tokens from: the chapters before that one, the last of them to try what was learnt.
LEARNT := $(sort $(wildcard chapters/0[1-6]-*.nw)) chapters/07-fast.nw
build/runs/tokens/summary.tsv: build/release/programs/vocabulary_sizes $(LEARNT)
	build/release/programs/vocabulary_sizes --out $(@D) $(LEARNT)
build/runs/tokens/sizes.tsv build/runs/tokens/merges.tex: build/runs/tokens/summary.tsv ;
build/runs/captions/summary.tsv: build/runs/captions/captions.tsv ;
build/runs/captions/captions.tsv: build/release/programs/captions $(wildcard data/emoji/.verified)
	build/release/programs/captions --out build/runs/captions
build/runs/captions/scenes.tex build/runs/captions/emoji.tex: build/runs/captions/captions.tsv tools/tables
	tools/tables captions $(@D) $(basename $(@F)) >$@.new && mv $@.new $@
build/runs/%/answers.tex: build/runs/%/summary.tsv tools/tables
	tools/tables answers $(@D) >$@.new && mv $@.new $@
build/runs/macros.tex: $(SUMMARIES) tools/tables
	tools/tables macros $(dir $(SUMMARIES)) >$@.new && mv $@.new $@
build/runs/modules.tex: $(TANGLED) tools/tables
	@mkdir -p $(@D)
	tools/tables modules >$@.new && mv $@.new $@
build/runs/peers.tex build/runs/peer-products.tex: build/runs/%.tex: figures/peers-steps.tsv figures/peers-products.tsv tools/tables
	@mkdir -p $(@D)
	tools/tables $* >$@.new && mv $@.new $@
build/runs/fuzzing.tex: figures/fuzzing.tsv tools/tables
	@mkdir -p $(@D)
	tools/tables fuzzing >$@.new && mv $@.new $@
build/runs/vit-mnist/layers.tsv build/runs/vit-mnist/mistakes.tex: build/runs/vit-mnist/summary.tsv tools/tables
	tools/tables $(basename $(@F)) $(@D) >$@.new && mv $@.new $@

build/figures/%.tex: figures/%.gp figures/style.gp $(SUMMARIES) $(FIGURE_DATA)
	@mkdir -p build/figures
	cd build && gnuplot ../figures/$*.gp

build/book.pdf: book.nw chapters/book.bib $(CHAPTERS) $(TABLES) $(FIGURES) build/runs/patches/patches.png \
                tools/weave tools/quote-names.awk tools/public-names.awk
	@printf '%s\n' $(CHAPTERS) >build/chapters.list
	tools/weave
book:
	+$(MAKE) $(SIDE_BY_SIDE) programs build/naive/bench build/double/programs/step_size $(UNPACKED)
	+$(MAKE) $(SIDE_BY_SIDE) --output-sync=target runs TURN='$(ABREAST)'
	+$(MAKE) $(SPEED:%=build/runs/%/summary.tsv) build/runs/profile.tsv
	+$(MAKE) $(SIDE_BY_SIDE) build/book.pdf

# The same with longer sweeps and more seeds.
book-full:
	+$(MAKE) book SWEEP='--seeds 6 --pairs 60000'

# The quick tour.
sketch: build/sketch
	@build/sketch

# The same without looking at the runs: whatever is there is woven.
pdf: build/runs/modules.tex
	@printf '%s\n' $(CHAPTERS) >build/chapters.list
	@test -f build/runs/macros.tex || { echo "make pdf: there are no runs yet: make book does them" >&2; exit 1; }
	tools/weave

# ---- Speed ------------------------------------------------------------------------------------
# Neither is part of the book's runs: an idle machine is needed, and for the peers more packages.
.PHONY: bench bench-peers numbers
# What the issues and the book promise of the runs, after make book.
numbers:
	@tools/numbers
bench: build/bench
	@mkdir -p build/runs
	flock build/runs/lock build/bench --out build/bench.tsv
bench-peers: build/bench build/peer-products build/peers/sgemm_onednn.so
	@mkdir -p build/runs
	flock build/runs/lock tools/bench-peers
build/peers/sgemm_onednn.so: src/peers/sgemm_onednn.c
	@mkdir -p $(@D)
	$(CC) -O2 -shared -fPIC $< -o $@ -l:libdnnl.so.2

# ---- Tests ------------------------------------------------------------------------------------
# Suites that run programs and gdb only make sense once; the others run in float and in double, and
# with both sets of kernels.
ONCE := test_debugger test_every_option test_faults test_killed test_stopped test_programs test_captions test_tokens test_clip_programs test_mae_programs test_eva_programs \
        test_siglip_programs test_evolution test_sketch
# $(1) build: run all suites, two at a time, each one's lines together; fail at the end if any did.
run_suites = export OMP_WAIT_POLICY=passive; printf '%s\n' $(2) | xargs -P 2 -I TEST sh -c \
    'said=$$(SCRATCH=build/scratch/$(1)/TEST build/$(1)/tests/TEST 2>&1); status=$$?; printf "%s\n" "$$said"; exit $$status'
ONCE_FAST := $(if $(filter naive,$(KERNELS)),$(ONCE))
CHECKED := programs debug build/naive/train-vit build/faults/shim.so $(TESTS:%=build/release/tests/%)
check-float: $(CHECKED)
	@echo "== float"; $(call run_suites,release,$(filter-out $(ONCE_FAST),$(TESTS)))
suites: $(CHECKED) $(TESTS:%=build/double/tests/%)
check:
	+$(MAKE) $(SIDE_BY_SIDE) drift warnings suites
	+$(MAKE) $(SIDE_BY_SIDE) same-bits
	+$(MAKE) check-float
	@echo "== double"; $(call run_suites,double,$(filter-out $(ONCE),$(TESTS)))
# A little of every training, every bit of it as committed: what is moved or renamed changes none.
BITS_PROGRAMS := $(addprefix build/bits/programs/,train_vit train_clip train_siglip train_mae train_eva)
.PHONY: same-bits
same-bits: $(BITS_PROGRAMS) tools/same-bits
	tools/same-bits
check-asan: build/naive/train-vit $(TESTS:%=build/asan/tests/%) $(TESTS:%=build/asan-double/tests/%) $(foreach p,$(PROGRAMS),build/asan/$(call dash,$(p)))
	@echo "== float, sanitized"; export ASAN_OPTIONS=allocator_may_return_null=1 PROGRAMS=build/asan; \
	    $(call run_suites,asan,$(filter-out test_debugger test_faults test_killed,$(TESTS)))
	@echo "== double, sanitized"; $(call run_suites,asan-double,$(filter-out $(ONCE),$(TESTS)))

# valgrind knows of each bit whether it was set. For any processor, since it does not know the newest
# instructions; no children, so that what one test leaves behind is seen.
WATCHED := $(filter-out $(ONCE) test_trainer test_readers test_kernels test_reference test_vector,$(TESTS))
check-valgrind: $(WATCHED:%=build/valgrind/tests/%)
	@export CK_FORK=no OMP_NUM_THREADS=1; printf '%s\n' $(WATCHED) | xargs -P 2 -I TEST sh -c \
	    'said=$$(SCRATCH=build/scratch/valgrind/TEST valgrind --quiet --error-exitcode=3 --leak-check=full \
	     --errors-for-leak-kinds=definite --show-leak-kinds=definite build/valgrind/tests/TEST 2>&1); status=$$?; printf "%s\n" "$$said"; exit $$status'
# ThreadSanitizer with the runtime that tells it what OpenMP's barriers order.
THREADED := test_kernels test_data_parallel test_gathered test_clip test_info_nce test_probe test_recall test_cifar test_mae
check-tsan: $(THREADED:%=build/tsan/tests/%)
	@export OMP_NUM_THREADS=3 TSAN_OPTIONS=ignore_noninstrumented_modules=1; $(call run_suites,tsan,$(THREADED))
analyze:
	tools/analyze
# Every call to the system fails once; make check kills two hundred runs, this two thousand.
trust: programs build/faults/shim.so build/release/tests/test_faults build/release/tests/test_killed
	FAULT_STRIDE=1 SCRATCH=build/scratch/trust build/release/tests/test_faults
	KILLS=2000 SCRATCH=build/scratch/trust build/release/tests/test_killed

# A library that is loaded before others and lets the n-th request for memory fail.
build/faults/shim.so: tests/faults/shim.c
	@mkdir -p $(@D)
	$(CC) $(COMMON) -O1 -shared -fPIC $< -o $@

# Each reader is given what nobody would think of, for so many seconds.
SECONDS := 60
READERS := image idx merges cifar labels emoji checkpoint model options
build/fuzz/fuzz: build/fuzz/tests/fuzz/fuzz.o build/fuzz/tests/fuzz/readers.o build/fuzz/libsight.a
	clang -fopenmp -fsanitize=fuzzer,address,undefined -Wl,--wrap=exit $^ $(LIBS) -o $@
fuzz: build/fuzz/fuzz
	tools/fuzz $(SECONDS) $(READERS)

# The committed files are exactly what the chapters say: the same set, the same bytes, and no line too
# long for the page.
drift:
	@rm -rf build/drift && mkdir -p build/drift
	@tools/tangle build/drift
	@cd build/drift && find src tests -type f | sort >../drift.want
	@find src tests -type f \( -name '*.c' -o -name '*.h' -o -path 'src/*.py' \) | sort >build/drift.have
	@diff build/drift.want build/drift.have || { echo "drift: the files on disk are not those of the chapters" >&2; exit 1; }
	@for f in $$(cat build/drift.want); do cmp build/drift/$$f $$f || { echo "drift: $$f is not what its chapter says: run make tangle" >&2; exit 1; }; done
	@awk 'FNR==1{code=0} /^<<.*>>=$$/{code=1;next} /^@( |$$)/{code=0} code&&length>90{print "drift: " FILENAME ":" FNR ": a code line of " length " characters (90 fit the page)"; bad=1} END{exit bad}' $(CHAPTERS)
	@echo "drift: $$(wc -l <build/drift.want) files are what the chapters say"

# Every file, in float and double, with gcc and clang: no warning at all.
warnings: $(TANGLED)
	@for cc in gcc clang; do for real in "" -DREAL_DOUBLE; do for f in $(filter %.c,$(TANGLED)); do \
	    echo "$$cc $$real $$f"; done; done; done | xargs -P 2 -L 1 $(CC_CHECK)
CC_CHECK := sh -c 'exec "$$0" $(COMMON) -Werror -fopenmp -fsyntax-only -Isrc -Itests "$$@"'

# The reference implementation: needs python3-torch, which nothing else does.
reference:
	/usr/bin/python3 tests/fixtures/reference.py

clean:
	rm -rf build

endif
