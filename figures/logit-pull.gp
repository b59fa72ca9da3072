load "../figures/style.gp"
set output "figures/logit-pull.tex"
set xlabel "logit"; set ylabel "derivative of the loss"; set xrange [-12:16]; set yrange [-1.05:1.05]
set key outside right; set arrow from -12,0 to 16,0 nohead ls 9
plot "runs/logit.tsv" using 1:2 with lines ls 1 title "sigmoid, true", \
     "runs/logit.tsv" using 1:3 with lines ls 3 dt 1 title "sigmoid, false", \
     for [k=0:2] "runs/logit.tsv" using 1:(column(4 + 2 * k)) with lines ls 2 lw (1 + 0.5 * k) title sprintf("InfoNCE, $R=%d$", 4 * k), \
     for [k=0:2] "runs/logit.tsv" using 1:(column(5 + 2 * k)) with lines ls 2 lw (1 + 0.5 * k) notitle
