load "../figures/style.gp"
set terminal cairolatex pdf size 5.3in,2.5in font ",9" fontscale 0.8 linewidth 1.2 rounded
set output "figures/language.tex"
set multiplot layout 1,2 margins 0.08,0.99,0.24,0.96 spacing 0.09
set xrange [0.4:7.6]; set yrange [0:1]; set ylabel "part right" offset 1
set xtics rotate by 35 right scale 0 ("blind" 1, "random" 2, "ViT" 3, "MAE" 4, "CLIP" 5, "EVA" 6, "SigLIP" 7)
unset key
# columns: title, place, held out, then mean, least, most of figure, caption, questions
plot "runs/language.tsv" using ($3 == 0 ? $2 - 0.1 : NaN):4:5:6 with yerrorbars ls 1 dt 1 pt 7 ps 0.6 title "seen", \
     "" using ($3 == 1 ? $2 + 0.1 : NaN):4:5:6 with yerrorbars ls 2 dt 1 pt 6 ps 0.6 title "held out"
set ylabel "" ; set key bottom right
plot 9/28.0 with lines ls 9 notitle, \
     "runs/language.tsv" using ($3 == 0 ? $2 - 0.1 : NaN):10:11:12 with yerrorbars ls 1 dt 1 pt 7 ps 0.6 title "seen", \
     "" using ($3 == 1 ? $2 + 0.1 : NaN):10:11:12 with yerrorbars ls 2 dt 1 pt 6 ps 0.6 title "held out"
unset multiplot
