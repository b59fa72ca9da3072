load "../figures/style.gp"
set output "figures/starts-steps.tex"
set xlabel "step of the second stage"; set ylabel "in-batch accuracy"; set yrange [0:*]; set key left top
plot "runs/warm-eva-scenes/eval.tsv" every ::1 using 1:4 with linespoints ls 1 pt 7 ps 0.4 title "from features", \
     "runs/cold/eval.tsv" every ::1 using 1:4 with linespoints ls 9 pt 6 ps 0.4 title "from scratch"
