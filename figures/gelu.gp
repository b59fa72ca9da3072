load "../figures/style.gp"
set output "figures/gelu.tex"
# Left: the exact function and its derivative. Right: what the two stand-ins differ by, since the curves themselves coincide.
set multiplot layout 1,2
set xrange [-4:4]; set xtics 2; set xlabel "$x$" offset 0,0.4; set xzeroaxis ls 9
set key left Left reverse at graph 0.04,0.98
set yrange [-0.5:3.5]; set ytics 1
plot "runs/gelu.tsv" using 1:2 with lines ls 1 title "$\\mathrm{gelu}(x)$", \
     "" using 1:5 with lines ls 2 title "$\\mathrm{gelu}'(x)$"
set yrange [-0.025:0.025]; set ytics 0.01; set format y "$%.2f$"
set ylabel "minus exact" offset 1.5
set key at graph 0.04,0.98
plot "runs/gelu.tsv" using 1:($4-$2) with lines ls 1 title "quick", \
     "" using 1:(10*($3-$2)) with lines ls 2 title "tanh, times 10"
unset multiplot
