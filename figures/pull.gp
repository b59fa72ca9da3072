load "../figures/style.gp"
set output "figures/pull.tex"
set xlabel "cosine of the negative"; set ylabel "derivative of the loss"
set logscale y; set yrange [1e-5:300]; set format y "$10^{%T}$"; set xrange [-1:1]
set key outside right
set arrow from 0.5,graph 0 to 0.5,graph 1 nohead ls 9
plot for [k=2:5] "runs/pull.tsv" using 1:k with lines ls (k == 5 ? 9 : k - 1) lw (k == 5 ? 2 : 1) title word("$t=1$ $t=5$ $t=1/0.07$ $t=100$", k - 1)
