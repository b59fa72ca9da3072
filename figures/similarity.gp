load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.6in font ",8" fontscale 0.75
set output "figures/similarity.tex"
set border 15; unset key
set palette defined (0 "#ffffff", 1 "#13304f"); set cbrange [-0.4:1]
set xrange [-0.5:23.5]; set yrange [23.5:-0.5]; set xtics 0,5 scale 0; set ytics 0,5 scale 0
# The nearest text of each picture: text, picture.
nearest(when) = "< awk -F '\t' '!($1 in best) || $3 > best[$1] { best[$1] = $3; text[$1] = $2 }" . \
                " END { for (i in best) print text[i] \"\t\" i }' kept/clip-emoji/similarity-" . when . ".tsv"
set multiplot layout 1,2 margins 0.09,0.90,0.14,0.92 spacing 0.08
set size square
set xlabel "text"; set ylabel "picture" offset 0; unset colorbox
set title "before" offset 0,-0.7
plot "kept/clip-emoji/similarity-before.tsv" using 2:1:3 with image, \
     nearest("before") using 1:2 with points pt 7 ps 0.35 lc rgb "#ffffff"
set colorbox; unset ylabel
set title "after" offset 0,-0.7
plot "kept/clip-emoji/similarity-after.tsv" using 2:1:3 with image, \
     nearest("after") using 1:2 with points pt 7 ps 0.35 lc rgb "#ffffff"
unset multiplot
