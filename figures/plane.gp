load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,3.0in font ",9" fontscale 0.8
set output "figures/plane.tex"
set multiplot layout 1,2 margins 0.09,0.98,0.26,0.90 spacing 0.11
set xlabel "from the centre of texts to that of pictures"; set ylabel "the direction of most variance"
set xrange [-0.6:0.6]; set xtics 0.2
set key outside bottom center horizontal samplen 1
set title "scenes" offset 0,-0.7
plot "runs/clip-shapes/plane.tsv" using 1:2 with points pt 7 ps 0.45 lc rgb "#1b4f8a" title "pictures", \
     "" using 3:4 with points pt 4 ps 0.5 lc rgb "#c8553d" title "texts"
unset ylabel
set title "emoji, unseen vendor" offset 0,-0.7
plot "runs/clip-emoji/plane.tsv" using 1:2 with points pt 7 ps 0.3 lc rgb "#1b4f8a" notitle, \
     "" using 3:4 with points pt 4 ps 0.4 lc rgb "#c8553d" notitle
unset multiplot
