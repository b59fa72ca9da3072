load "../figures/style.gp"
set output "figures/vocabulary.tex"
set logscale x
set xlabel "size of the vocabulary"; set ylabel "tokens per piece" offset 1
set xrange [500:4200]; set xtics (514, 700, 1000, 1500, 2000, 3000, 4000); set yrange [0.9:3]
set key right top
plot "runs/tokens/sizes.tsv" every ::1 using 1:2 with linespoints ls 1 pt 5 ps 0.5 title "text that was learnt from", \
     "" every ::1 using 1:3 with linespoints ls 2 pt 7 ps 0.5 title "another text", \
     1 with lines ls 9 notitle
