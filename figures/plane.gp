load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,4.2in font ",9" fontscale 0.8
set output "figures/plane.tex"
set multiplot layout 2,2 margins 0.08,0.98,0.18,0.95 spacing 0.10,0.12
set xrange [-0.7:0.75]; set xtics -0.6,0.3; set yrange [-1:1]; set ytics 0.5
unset key
plane(run) = run . "/plane.tsv"
# Colours of which one prints much darker than the other.
pictures = "points pt 7 ps 0.35 lc rgb '#13304f'"
texts = "points pt 4 ps 0.45 lw 1.2 lc rgb '#d98a5f'"
set ylabel "most variance" offset 1
set title "CLIP, scenes" offset 0,-0.7
plot plane("runs/clip-shapes") every 2 using 3:4 with @texts, "" every 2 using 1:2 with @pictures
unset ylabel
set title "SigLIP, scenes" offset 0,-0.7
plot plane("runs/siglip-shapes") every 2 using 3:4 with @texts, "" every 2 using 1:2 with @pictures
set xlabel "along the line through the centres"
set ylabel "most variance" offset 1
set title "CLIP, emoji of the unseen vendor" offset 0,-0.7
plot plane("kept/clip-emoji") every 2 using 3:4 with @texts, "" every 2 using 1:2 with @pictures
unset ylabel
set title "SigLIP, emoji of the unseen vendor" offset 0,-0.7
# The legend, below the panels, with marks larger than those of the points.
set label 1 "pictures" at screen 0.37,0.03 left offset 1,0 point pt 7 ps 0.8 lc rgb '#13304f'
set label 2 "texts" at screen 0.60,0.03 left offset 1,0 point pt 4 ps 0.9 lw 1.5 lc rgb '#d98a5f'
plot plane("kept/siglip-emoji") every 2 using 3:4 with @texts, "" every 2 using 1:2 with @pictures
unset multiplot
