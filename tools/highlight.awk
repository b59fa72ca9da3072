# A noweb filter: tell keywords, comments and strings of C apart, as \codeword, \codecomment and \codestring.
# Only what is printed changes; a Python chunk (its lines have no such comments) loses nothing.
BEGIN {
    split("auto break case char const continue default do double else enum extern float for if inline int long " \
          "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile " \
          "while bool real size_t true false NULL _Static_assert _Thread_local _Noreturn", list, " ")
    for (i in list) keyword[list[i]] = 1
}
function put(text) { if (text != "") print "@text " text }
function marked(command, text) { if (text != "") { print "@literal \\" command "{"; print "@text " text; print "@literal }" } }
function code_line(text,  plain, word, at) {
    plain = ""
    while (text != "") {
        if (comment) {
            at = index(text, "*/")
            if (!at) { marked("codecomment", text); return }
            marked("codecomment", substr(text, 1, at + 1)); text = substr(text, at + 2); comment = 0
        } else if (substr(text, 1, 2) == "/*") { put(plain); plain = ""; comment = 1
        } else if (substr(text, 1, 2) == "//") { put(plain); marked("codecomment", text); return
        } else if (match(text, /^"([^"\\]|\\.)*"/)) {
            put(plain); plain = ""; marked("codestring", substr(text, 1, RLENGTH)); text = substr(text, RLENGTH + 1)
        } else if (match(text, /^'([^'\\]|\\.)*'/)) {
            plain = plain substr(text, 1, RLENGTH); text = substr(text, RLENGTH + 1)
        } else if (match(text, /^#[a-z]+/)) {
            put(plain); plain = ""; marked("codeword", substr(text, 1, RLENGTH)); text = substr(text, RLENGTH + 1)
        } else if (match(text, /^[A-Za-z_][A-Za-z0-9_]*/)) {
            word = substr(text, 1, RLENGTH); text = substr(text, RLENGTH + 1)
            if (word in keyword) { put(plain); plain = ""; marked("codeword", word) } else plain = plain word
        } else { plain = plain substr(text, 1, 1); text = substr(text, 2) }
    }
    put(plain)
}
/^@begin code/ { code = 1; comment = 0 }
/^@end code/ { code = 0 }
code && /^@text / { code_line(substr($0, 7)); next }
{ print }
