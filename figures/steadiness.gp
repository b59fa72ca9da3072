load "../figures/style.gp"
set output "figures/steadiness.tex"
set xlabel "step"; set ylabel "gradient norm"; set logscale y; set key outside right
plot "runs/clip-half/log.tsv" every ::1 using 1:5 with lines ls 2 dt 1 lw 0.6 title "InfoNCE", \
     "runs/clip-sigmoid/log.tsv" every ::1 using 1:5 with lines ls 1 lw 0.6 title "sigmoid"
