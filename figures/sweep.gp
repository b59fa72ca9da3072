load "../figures/style.gp"
set output "figures/sweep.tex"
set xlabel "pairs in a batch"; set ylabel "recall at 10"; set logscale x 2; set xrange [6.5:320]; set yrange [0:*]
set key top right
sets = "softmax sigmoid"
plot for [k=1:2] "runs/sweep.tsv" index (k - 1) using ($1 * (k == 1 ? 0.97 : 1.03)):2:3:4 with yerrorlines ls k pt (k == 1 ? 5 : 7) ps 0.5 title (k == 1 ? "InfoNCE" : "sigmoid")
