load "../figures/style.gp"
set output "figures/cifar-best.tex"
span = 100
set xlabel "epoch"; set ylabel "accuracy"; set yrange [0:0.8]; set xrange [0:*]; set key right bottom
steps = system("tail -n 1 kept/vit-cifar-best/log.tsv | cut -f1") + 0
last = system("tail -n 1 kept/vit-cifar-best/eval.tsv | cut -f2") + 0
plot n=0, "kept/vit-cifar-best/log.tsv" every 3::1 using ($1 * last / steps):(running($6)) with lines ls 1 title "training", \
     "kept/vit-cifar-best/eval.tsv" every ::1 using 2:4 with points pt 7 ps 0.6 lc rgb "#c8553d" title "test"
