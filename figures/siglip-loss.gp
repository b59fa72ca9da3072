load "../figures/style.gp"
set output "figures/siglip-loss.tex"
set xlabel "fraction of the run"; set ylabel "loss"; set yrange [0:16]; set xrange [0:1]
set arrow from 0,10.003 to 1,10.003 nohead ls 9
steps(run) = system("tail -n 1 " . run . "/log.tsv | cut -f1") + 0
a = steps("runs/siglip-shapes"); b = steps("kept/siglip-emoji")
plot n=0, "runs/siglip-shapes/log.tsv" every ::1 using ($1 / a):(running($3)) with lines ls 1 title "scenes", \
     n=0, "kept/siglip-emoji/log.tsv" every ::1 using ($1 / b):(running($3)) with lines ls 2 title "emoji", \
     "kept/siglip-emoji/eval.tsv" every ::1 using ($1 / b):3 with lines ls 3 title "emoji, unseen vendor"
