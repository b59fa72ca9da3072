# Make rules out of figures/runs.tsv (name, program, runs needed, options). A run is done again when its
# program or its options changed, not when prose did. NAME-* stands for three runs, with seeds 1, 2 and 3.
BEGIN { FS = "\t" }
/^#/ || NF < 4 { next }
sub(/-\*$/, "", $1) { for (seed = 1; seed <= 3; seed++) rule($1 "-" seed, $2, $3, $4 " --seed " seed); next }
{ rule($1, $2, $3, $4) }
function rule(name, program, needed, options,   needs, run, i) {
    if (options == "-") options = ""
    gsub(/@/, "build/runs/", options)
    if (needed != "-") for (i = split(needed, run, " "); i > 0; i--) needs = needs " build/runs/" run[i] "/summary.tsv"
    print "RUNS += " name
    print "OPTIONS_" name " := " options
    print "build/runs/" name "/summary.tsv: build/release/programs/" program " build/runs/" name ".options" needs
    if (program == "probe") {
        print "\t@mkdir -p $(@D)"
        print "\t$(call into,$(TURN) build/release/programs/probe " options " $(BRIEF_PROBE))"
    } else
        print "\t$(TURN) build/release/programs/" program " " options " $(BRIEF) --overwrite --out build/runs/" name
}
