# A noweb filter: set chunk names that are file names as code, since TeX trips over their underscores.
/^@(defn|use) (src|tests)\// { sub(/ /, " [["); $0 = $0 "]]" }
{ print }
