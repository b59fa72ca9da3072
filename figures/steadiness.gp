load "../figures/style.gp"
set output "figures/steadiness.tex"
set xlabel "step"; set ylabel "gradient norm"; set logscale y; set key outside right
plot "kept/clip-half/log.tsv" every ::1 using 1:5 with lines lc rgb "#e3a997" dt 1 lw 3 title "InfoNCE", \
     "kept/clip-sigmoid/log.tsv" every ::1 using 1:5 with lines lc rgb "#1b4f8a" lw 1 title "sigmoid"
