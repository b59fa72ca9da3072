load "../figures/style.gp"
set output "figures/logit-pull.tex"
set xlabel "logit"; set ylabel "derivative of the loss"; set xrange [-12:16]; set yrange [-1.05:1.05]
set key outside right width 2; set arrow from -12,0 to 16,0 nohead ls 9
set label 1 "true" at 12,-0.14; set label 2 "false" at 12,0.86
dash(k) = k == 0 ? 2 : k == 1 ? 4 : 3
plot "runs/logit.tsv" using 1:2 with lines lc rgb "#9db8d6" lw 5 dt 1 title "sigmoid", \
     "" using 1:3 with lines lc rgb "#9db8d6" lw 5 dt 1 notitle, \
     for [k=0:2] "" using 1:(column(4 + 2 * k)) with lines lc rgb "#7a2a18" lw 1.8 dt dash(k) title sprintf("InfoNCE, $R=%d$", 4 * k), \
     for [k=0:2] "" using 1:(column(5 + 2 * k)) with lines lc rgb "#7a2a18" lw 1.8 dt dash(k) notitle
