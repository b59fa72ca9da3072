load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.35in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/describe.tex"
set multiplot layout 1,2 margins 0.08,0.99,0.19,0.96 spacing 0.12
set xlabel "step"; set ylabel "loss" offset 1; set logscale y; set yrange [0.03:7]
set xtics 1000; set xrange [0:*]
unset key
span = 50
plot "runs/describe-scenes/log.tsv" every 6::1 using 1:3 with lines ls 8 lw 0.3, \
     n=0, "runs/describe-blind/log.tsv" every ::1 using 1:(running($3)) with lines ls 2, \
     n=0, "runs/describe-scenes/log.tsv" every ::1 using 1:(running($3)) with lines ls 1
unset logscale y
set ylabel "right" offset 1; set yrange [0:1]
set key at graph 0.98,0.5 right center vertical
plot "runs/describe-scenes/eval.tsv" every ::1 using 1:4 with linespoints ls 1 pt 7 ps 0.5 title "it looks", \
     "runs/describe-blind/eval.tsv" every ::1 using 1:4 with linespoints ls 2 pt 6 ps 0.6 title "blind"
unset multiplot
