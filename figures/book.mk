# The book: its runs, its figures, its PDF, and what measures speed. Included by the Makefile.

# What a command prints becomes the target, whole or not at all.
into = { $(1) >$@.new && mv $@.new $@; } || { rm -f $@.new; exit 1; }

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
SPEED := bench bench-naive matmul-steps
# make book BRIEF='--steps 20': every run in seconds, to see that all of it works; the numbers mean nothing.
BRIEF :=
ifneq ($(BRIEF),)
BRIEF_PROBE := --labels 1000 --test 200 --steps 50
endif
# The runs are a table, figures/runs.tsv, of which rules are made, and RUNS, their names.
RUNS :=
build/runs.mk: figures/runs.tsv tools/runs.awk
	@mkdir -p build
	@awk -f tools/runs.awk $< >$@
include build/runs.mk
# Comparisons that take longer than a book should: figures/reference.tsv. Their results are committed, so that these
# runs are done for make book-full and make reproduce only.
REFERENCE :=
build/reference.mk: figures/reference.tsv tools/runs.awk
	@mkdir -p build
	@awk -v folder=build/reference -f tools/runs.awk $< >$@
include build/reference.mk
SUMMARIES := $(RUNS:%=build/runs/%/summary.tsv) build/runs/tape-example/summary.tsv \
             build/runs/captions/summary.tsv build/runs/tokens/summary.tsv \
             build/runs/steady/summary.tsv \
             build/runs/vector-error/summary.tsv $(SPEED:%=build/runs/%/summary.tsv)
FIGURES := $(patsubst figures/%.gp,build/figures/%.tex,$(filter-out figures/style.gp,$(wildcard figures/*.gp)))
FIGURE_DATA := build/runs/step-size-float.tsv build/runs/step-size-double.tsv build/runs/gelu.tsv \
               build/runs/profile.tsv build/runs/matmul-steps/steps.tsv \
               build/runs/vit-mnist/layers.tsv build/runs/pull.tsv build/runs/start.tsv build/runs/mae-cost.tsv build/runs/tokens/sizes.tsv \
               build/runs/layers.tsv build/runs/logit.tsv build/runs/pair-memory.tsv build/runs/means.tsv build/runs/language.tsv
TABLES := build/runs/macros.tex build/runs/modules.tex build/runs/configurations.tex build/runs/giants.tex \
          build/runs/peers.tex build/runs/peer-products.tex build/runs/busy.tex build/runs/fuzzing.tex \
          build/runs/published.tex build/runs/published-peers.tex \
          build/runs/world-steps.tex build/runs/world-losses.tex build/runs/world-model.tex build/runs/world-net.tex \
          build/runs/vit-mnist/mistakes.tex build/runs/tokens/merges.tex \
          build/runs/clip-emoji.tex build/runs/siglip-emoji.tex build/runs/clip-shapes/answers.tex \
          build/runs/captions/scenes.tex build/runs/captions/emoji.tex \
          build/runs/claims.tex build/runs/sketch/sketch.txt \
          build/runs/mae-cifar/early.png build/runs/mae-cifar/late.png \
          build/runs/language.tex build/runs/connectors.tex \
          build/runs/layers-read.tex build/runs/describe-scenes/spoken.tex build/runs/look/look.tex

.PHONY: bench-published runs book book-full reproduce sketch pdf bench bench-busy bench-peers numbers
build/runs/%.options: FORCE
	@mkdir -p build/runs
	@echo '$(OPTIONS_$*) $(BRIEF)' | cmp -s - $@ || echo '$(OPTIONS_$*) $(BRIEF)' >$@
build/reference/%.options: FORCE
	@mkdir -p build/reference build/runs
	@echo '$(OPTIONS_$*)' | cmp -s - $@ || echo '$(OPTIONS_$*)' >$@
# The long ones first, so that no core waits for the last of them alone.
LONG := clip-shapes mae-cifar siglip-shapes vit-mnist describe-scenes
runs: $(LONG:%=build/runs/%/summary.tsv) $(filter-out $(SPEED:%=build/runs/%/summary.tsv),$(SUMMARIES)) \
      build/runs/pair-memory.tsv

# What a program prints.
build/runs/tape-example/summary.tsv: build/release/programs/tape_example
build/runs/configurations.tex: build/release/programs/configurations
build/runs/vector-error/summary.tsv: build/release/programs/vector_error
build/runs/pair-memory.tsv: build/release/programs/pair_memory
build/runs/sketch/sketch.txt: build/release/programs/sketch
build/runs/matmul-steps/steps.tsv: build/release/programs/matmul_steps
PRINTED := $(addprefix build/runs/,tape-example/summary.tsv configurations.tex \
           vector-error/summary.tsv pair-memory.tsv sketch/sketch.txt matmul-steps/steps.tsv)
$(PRINTED):
	@mkdir -p $(@D)
	$(call into,$(TURN) $<)
build/runs/giants.tex: build/release/programs/configurations
	@mkdir -p $(@D)
	$(call into,$< --set giants)
$(addprefix build/runs/,gelu.tsv pull.tsv start.tsv logit.tsv): build/runs/%.tsv: build/release/programs/curves
	@mkdir -p $(@D)
	$(call into,$< --curve $*)
build/runs/step-size-float.tsv: build/release/programs/curves
build/runs/step-size-double.tsv: build/double/programs/curves
build/runs/step-size-float.tsv build/runs/step-size-double.tsv:
	@mkdir -p $(@D)
	$(call into,$< --curve step)

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
$(SPEED:%=build/runs/%/summary.tsv): build/runs/%/summary.tsv: build/runs/speed.stamp ;
build/runs/speed.stamp: build/runs/bench/bench.tsv build/runs/bench-naive/bench.tsv build/runs/matmul-steps/steps.tsv tools/tables
	for run in bench bench-naive; do tools/tables speed build/runs/$$run >build/runs/$$run/new && mv build/runs/$$run/new build/runs/$$run/summary.tsv || exit 1; done
	tools/tables steps build/runs/matmul-steps >build/runs/matmul-steps/new && mv build/runs/matmul-steps/new build/runs/matmul-steps/summary.tsv
	@touch $@
# The first and the last of the pictures that a run filled in on its way.
FILLED := build/runs/mae-cifar/early.png build/runs/mae-cifar/late.png
$(FILLED): build/runs/mae-cifar/summary.tsv
	cp $$(ls $(@D)/filled-[0-9]*.png | sort -V | $(if $(findstring early,$@),head,tail) -n 1) $@
build/runs/mae-cost.tsv: build/runs/bench/bench.tsv tools/tables
	$(call into,tools/tables mae-cost $<)
# Files of reference runs that figures need, by a name below build.
KEPT := $(patsubst figures/reference/%,build/kept/%,$(wildcard figures/reference/*/*))
$(KEPT): | build/kept
build/kept:
	@mkdir -p build
	ln -sfn ../figures/reference $@
# What the reference runs say together.
build/runs/means.tsv: figures/reference.tsv $(wildcard figures/reference/*.tsv) tools/compare
	@mkdir -p $(@D)
	$(call into,tools/compare means)
build/runs/claims.tex: build/runs/means.tsv figures/claims.tsv tools/compare
	$(call into,tools/compare rows)
# What a language model can say with each encoder and each connector: reference results.
build/runs/language.tsv build/runs/language.tex: build/runs/language.%: build/runs/means.tsv tools/tables
	$(call into,tools/tables language $*)
build/runs/connectors.tex: build/runs/means.tsv tools/tables
	$(call into,tools/tables language connectors)
build/runs/layers-read.tex: build/runs/means.tsv tools/tables
	$(call into,tools/tables language layers)
build/runs/describe-scenes/spoken.tex: build/runs/describe-scenes/summary.tsv tools/tables
	$(call into,tools/tables spoken $(@D))
# Where a model looks while it describes the first picture of the list.
build/runs/look/look.tex: build/release/programs/describe build/runs/describe-scenes/summary.tsv tools/tables
	build/release/programs/describe --look $(@D) build/runs/describe-scenes build/runs/describe-scenes/spoken-0.png
	$(call into,tools/tables look $(@D))
STEADY := clip-half clip-sigmoid
build/runs/steady/summary.tsv: $(STEADY:%=build/kept/%/log.tsv) tools/tables
	@mkdir -p $(@D)
	$(call into,tools/tables steady $(STEADY:%=build/kept/%))
build/runs/layers.tsv: build/runs/warm-eva-scenes/summary.tsv build/runs/warm-decay/summary.tsv tools/tables
	$(call into,tools/tables visual-layers build/runs/warm-eva-scenes build/runs/warm-decay)
build/runs/profile.tsv: build/runs/bench/profile.tsv build/runs/bench-naive/profile.tsv tools/tables
	$(call into,tools/tables profile build/runs/bench-naive/profile.tsv build/runs/bench/profile.tsv)
build/runs/patches/patches.png: build/release/programs/patches
	build/release/programs/patches --out build/runs/patches
# Text to learn tokens from: Part One and the workshop; the chapter on fast kernels is to try what was learnt.
LEARNT := $(sort $(wildcard chapters/0[1-6]-*.nw chapters/6[0-4]-*.nw)) chapters/15-fast.nw
build/runs/tokens/summary.tsv: build/release/programs/vocabulary_sizes $(LEARNT)
	build/release/programs/vocabulary_sizes --out $(@D) $(LEARNT)
build/runs/tokens/sizes.tsv build/runs/tokens/merges.tex: build/runs/tokens/summary.tsv ;
build/runs/captions/summary.tsv: build/runs/captions/captions.tsv ;
build/runs/captions/captions.tsv: build/release/programs/captions $(wildcard data/emoji/.verified)
	build/release/programs/captions --out build/runs/captions
build/runs/captions/scenes.tex build/runs/captions/emoji.tex: build/runs/captions/captions.tsv tools/tables
	$(call into,tools/tables captions $(@D) $(basename $(@F)))
build/runs/%/answers.tex: build/runs/%/summary.tsv tools/tables
	$(call into,tools/tables answers $(@D))
build/runs/clip-emoji.tex build/runs/siglip-emoji.tex: build/runs/%.tex: build/kept/%/answers.tsv tools/tables
	@mkdir -p $(@D)
	$(call into,tools/tables answers build/kept/$*)
build/runs/macros.tex: $(SUMMARIES) build/runs/means.tsv figures/claims.tsv tools/tables
	$(call into,tools/tables macros $(dir $(SUMMARIES)))
build/runs/modules.tex: $(TANGLED) tools/tables
	@mkdir -p $(@D)
	$(call into,tools/tables modules)
build/runs/peers.tex build/runs/peer-products.tex build/runs/busy.tex: build/runs/%.tex: figures/peers-steps.tsv figures/peers-products.tsv figures/peers-products-avx2.tsv figures/busy.tsv tools/tables
	@mkdir -p $(@D)
	$(call into,tools/tables $*)
build/runs/published.tex build/runs/published-peers.tex: build/runs/%.tex: figures/%.tsv tools/tables
	@mkdir -p $(@D)
	$(call into,tools/tables $*)
EXCHANGES := build/runs/world-steps.tex build/runs/world-losses.tex build/runs/world-model.tex build/runs/world-net.tex
$(EXCHANGES): build/runs/%.tex: figures/world-steps.tsv figures/world-losses.tsv figures/world-messages.tsv figures/world-net.tsv tools/tables
	@mkdir -p $(@D)
	$(call into,tools/tables $*)
build/runs/fuzzing.tex: figures/fuzzing.tsv tools/tables
	@mkdir -p $(@D)
	$(call into,tools/tables fuzzing)
build/runs/vit-mnist/layers.tsv build/runs/vit-mnist/mistakes.tex: build/runs/vit-mnist/summary.tsv tools/tables
	$(call into,tools/tables $(basename $(@F)) $(@D))

build/figures/%.tex: figures/%.gp figures/style.gp $(SUMMARIES) $(FIGURE_DATA) $(KEPT)
	@mkdir -p build/figures
	cd build && gnuplot ../figures/$*.gp

build/book.pdf: book.nw chapters/book.bib $(CHAPTERS) $(TABLES) $(FIGURES) build/runs/patches/patches.png \
                tools/weave tools/quote-names.awk tools/public-names.awk tools/highlight.awk \
                $(wildcard figures/drawings/*.tex)
	tools/weave
book:
	+$(MAKE) $(SIDE_BY_SIDE) programs build/naive/bench build/double/programs/curves $(UNPACKED)
	+$(MAKE) $(SIDE_BY_SIDE) --output-sync=target runs TURN='$(ABREAST)'
	+$(MAKE) $(SPEED:%=build/runs/%/summary.tsv) build/runs/profile.tsv
	+$(MAKE) $(SIDE_BY_SIDE) build/book.pdf

# The reference runs, and then the book with what came of them. A result is recorded anew where its bits are others.
book-full:
	+$(MAKE) $(SIDE_BY_SIDE) programs
	+$(MAKE) $(SIDE_BY_SIDE) --output-sync=target TURN='$(ABREAST)' $(REFERENCE:%=build/reference/%/summary.tsv)
	tools/reference record $(REFERENCE)
	+$(MAKE) book
# One reference run again, and whatever it needs: is it the same to the last bit? Without a name the shortest of each
# program. With KERNEL_WIDTH=avx2 vectors have 256 bits.
RUN :=
reproduce: AGAIN := $(or $(RUN),$(shell tools/reference shortest))
reproduce:
	rm -rf $(AGAIN:%=build/reference/%)
	+$(MAKE) $(SIDE_BY_SIDE) TURN='$(ABREAST)' $(AGAIN:%=build/reference/%/summary.tsv)
	tools/reference check $(AGAIN)

# The quick tour.
sketch: build/sketch
	@build/sketch

# The same without looking at the runs: whatever is there is woven.
pdf: build/runs/modules.tex
	@test -f build/runs/macros.tex || { echo "make pdf: there are no runs yet: make book does them" >&2; exit 1; }
	tools/weave

# ---- The web edition ----------------------------------------------------------------------------
# From what make book left in build; needs packages of its own, which make deps installs.
.PHONY: html check-html
html: $(filter book pdf book-full,$(MAKECMDGOALS))
	tools/weave-html
check-html: $(filter html,$(MAKECMDGOALS)) build/release/libapp.a build/release/libsight.a
	tools/check-html

# ---- Speed ------------------------------------------------------------------------------------
# Neither is part of the book's runs: an idle machine is needed, and for the peers more packages.
.PHONY: bench bench-busy bench-peers numbers
# What the issues and the book promise of the runs, after make book.
numbers:
	@tools/numbers
bench: build/$(WIDTH_BUILD)/programs/bench
	@mkdir -p build/runs
	flock build/runs/lock $< --out build/bench.tsv
bench-busy: $(foreach p,bench train-vit train-clip probe zeroshot,build/$(p))
	@mkdir -p build/runs
	flock build/runs/lock tools/bench-busy
bench-peers: build/$(WIDTH_BUILD)/programs/bench build/bench build/peers/sgemm_onednn.so
	@mkdir -p build/runs
	KERNEL_WIDTH=$(KERNEL_WIDTH) flock build/runs/lock tools/bench-peers
# Published models: speed, memory, and the same network in PyTorch and ONNX Runtime.
bench-published: build/embed build/inspect build/bench build/peers/sgemm_onednn.so
	tools/bench-published
build/peers/sgemm_onednn.so: src/peers/sgemm_onednn.c
	@mkdir -p $(@D)
	$(CC) -O2 -shared -fPIC $< -o $@ -l:libdnnl.so.2

