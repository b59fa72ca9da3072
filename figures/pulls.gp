load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.6in font ",8" fontscale 0.75
set output "figures/pulls.tex"
set border 15; unset key; unset colorbox
set palette defined (0 "#ffffff", 1 "#13304f"); set cbrange [0:0.5]
set xrange [-0.5:23.5]; set yrange [23.5:-0.5]; set xtics 0,5 scale 0; set ytics 0,5 scale 0
set multiplot layout 1,2 margins 0.09,0.90,0.14,0.92 spacing 0.08
set size square
set xlabel "text"; set ylabel "picture" offset 0
set title "InfoNCE" offset 0,-0.7
plot "runs/clip-shapes/pulls.tsv" using 2:1:(abs($3)) with image
set colorbox; unset ylabel
set title "sigmoid" offset 0,-0.7
plot "runs/clip-shapes/pulls.tsv" using 2:1:(abs($4)) with image
unset multiplot
