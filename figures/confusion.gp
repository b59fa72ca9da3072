load "../figures/style.gp"
set terminal cairolatex pdf size 3.0in,2.7in font ",8" fontscale 0.7
set output "figures/confusion.tex"
set size square
unset key; unset colorbox
set border 15
set palette defined (0 "#ffffff", 1 "#8a9bb5")
set xrange [-0.5:9.5]; set yrange [9.5:-0.5]
set xtics 1 scale 0; set ytics 1 scale 0
set xlabel "answer" offset 0,0; set ylabel "truth" offset -0.5
plot "runs/vit-mnist/confusion.tsv" using 2:1:($1 == $2 ? 0 : $3) with image, \
     "" using 2:1:($1 == $2 || $3 == 0 ? "" : sprintf("%d", $3)) with labels font ",7"
