# Make rules out of a table of runs (name, program, runs needed, options): those of figures/runs.tsv are in build/runs,
# and with -v folder=build/reference those of figures/reference.tsv there. A run is done again when its program or its
# options changed, not when prose did. NAME-* stands for three runs, with seeds 1, 2 and 3, NAME-*5 for five; * in its
# needs and options is the seed.
BEGIN { FS = "\t"; if (folder == "") folder = "build/runs"; live = folder == "build/runs" }
/^#/ || NF < 4 { next }
match($1, /-\*[0-9]*$/) { seeds = substr($1, RSTART + 2); $1 = substr($1, 1, RSTART - 1)
    for (seed = 1; seed <= (seeds == "" ? 3 : seeds); seed++) rule($1 "-" seed, $2, seeded($3), seeded($4) " --seed " seed); next }
{ rule($1, $2, $3, $4) }
function seeded(text) { gsub(/\*/, seed, text); return text }
function rule(name, program, needed, options,   needs, run, i, program_file) {
    if (options == "-") options = ""
    gsub(/@/, folder "/", options)
    if (needed != "-") for (i = split(needed, run, " "); i > 0; i--) needs = needs " " folder "/" run[i] "/summary.tsv"
    print (live ? "RUNS" : "REFERENCE") " += " name
    print "OPTIONS_" name " := " options
    program_file = "build/" (live ? "release" : "$(WIDTH_BUILD)") "/programs/" program
    print folder "/" name "/summary.tsv: " program_file " " folder "/" name ".options" needs
    if (program == "probe") {
        print "\t@mkdir -p $(@D)"
        print "\t$(call into,$(TURN) " program_file " " options (live ? " $(BRIEF_PROBE)" : "") ")"
    } else
        print "\t$(TURN) " program_file " " options (live ? " $(BRIEF)" : "") " --overwrite --out " folder "/" name
}
