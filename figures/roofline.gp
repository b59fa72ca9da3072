load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,3.3in font ",9" fontscale 0.8
set output "figures/roofline.tex"
file = "runs/bench/bench.tsv"
stats file using (strcol(1) eq "ceilings" && strcol(2) eq "multiply-add" && $3 == 1 ? $6 : 1/0) name "P" nooutput
stats file using (strcol(1) eq "ceilings" && strcol(2) eq "triad-256MiB" && $3 == 1 ? $8 : 1/0) name "M" nooutput
stats file using (strcol(1) eq "ceilings" && strcol(2) eq "triad-512KiB" && $3 == 1 ? $8 : 1/0) name "L" nooutput
roof(x, b) = x * b < P_max ? x * b : P_max
set logscale xy
set xrange [0.1:200]; set yrange [1:600]
set xlabel "arithmetic intensity, operations per byte"; set ylabel "GFLOP/s" offset 1
unset key
set samples 400
has(s, part) = strstrt(s, part) > 0
short(s) = has(s, "-forward") ? s[1:strlen(s)-8] : s
row(way) = strcol(1) eq "kernels" && $3 == 1 && $6 > 0 && !has(strcol(2), "bf16") && (has(strcol(2), "backward") == way)
named(s) = !has(s, "tanh") && !has(s, "quick") && !has(s, "gather")
plot roof(x, M_max) with lines ls 1, roof(x, L_max) with lines lc rgb "#333333" lw 1.2 dt 2, \
     file using (row(0) ? $9 : 1/0):6 with points pt 7 ps 0.5 lc rgb "#c8553d", \
     file using (row(1) ? $9 : 1/0):6 with points pt 6 ps 0.6 lc rgb "#1b4f8a", \
     file using (row(0) && named(strcol(2)) ? $9 * 1.06 : 1/0):($6 * ($6 > $9 * M_max ? 1.4 : 0.76)):(short(strcol(2))) with labels left font ",7" noenhanced
