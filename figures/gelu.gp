load "../figures/style.gp"
set output "figures/gelu.tex"
set multiplot layout 1,2
set xrange [-4:4]; set xlabel "$x$"; set xzeroaxis ls 9
set key left Left reverse at graph 0.06,0.97
set ylabel "$\\mathrm{gelu}(x)$" offset 1
plot for [k=0:2] "runs/gelu.tsv" using 1:(column(2+k)) with lines ls k+1 title word("exact tanh quick", k+1)
set ylabel "$\\mathrm{gelu}'(x)$" offset 1
plot for [k=0:2] "runs/gelu.tsv" using 1:(column(5+k)) with lines ls k+1 title word("exact tanh quick", k+1)
unset multiplot
