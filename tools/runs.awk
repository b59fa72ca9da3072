# Make rules out of figures/runs.tsv (name, program, runs needed, options). A run is done again when its
# program or its options changed, not when prose did.
BEGIN { FS = "\t" }
/^#/ || NF < 4 { next }
{
    name = $1; program = $2; needs = ""; options = $4 == "-" ? "" : $4
    gsub(/@/, "build/runs/", options)
    if ($3 != "-") for (i = split($3, run, " "); i > 0; i--) needs = needs " build/runs/" run[i] "/summary.tsv"
    print "RUNS += " name
    print "OPTIONS_" name " := " options
    print "build/runs/" name "/summary.tsv: build/release/programs/" program " build/runs/" name ".options" needs
    if (program == "probe") {
        print "\t@mkdir -p $(@D)"
        print "\t$(call into,$(TURN) build/release/programs/probe " options " $(BRIEF_PROBE))"
    } else
        print "\t$(TURN) build/release/programs/" program " " options " $(BRIEF) --overwrite --out build/runs/" name
}
