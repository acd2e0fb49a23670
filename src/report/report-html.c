/* The report as one HTML file. Nothing in it points outside; every text goes through
 * append_escaped(), as names, prompts and answers may hold anything. */
#include "report-private.h"

#include <math.h>
#include <string.h>

#include <glib/gi18n.h>

#include "crosscope-config.h"
#include "file-replace.h"

static const char style[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#241f31;--dim:#5e5c64;--line:#0000001f;"
    "--card:#f6f5f4;--good:#1b7a3e;--bad:#b3151f;--open:#8a5a00}\n"
    "@media "
    "(prefers-color-scheme:dark){:root{--bg:#242424;--fg:#fff;--dim:#c0bfbc;--line:#ffffff26;"
    "--card:#303030;--good:#78e08f;--bad:#ff938c;--open:#f8d268}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 4rem;background:var(--bg);"
    "color:var(--fg);font:1rem/1.5 Cantarell,'Adwaita Sans',system-ui,sans-serif;"
    "overflow-wrap:anywhere}\n"
    "h1{margin:0;font-size:2rem;line-height:1.2}h2{margin:2.5rem 0 .75rem;font-size:1.4rem}\n"
    "header p,.detail,figcaption,caption,footer{color:var(--dim)}header p{margin:.25rem 0}\n"
    "nav{margin:1rem 0}nav a{color:inherit;margin-right:1rem;display:inline-block}\n"
    ".claim,.missing,.texts{background:var(--card);border-radius:12px;padding:.75rem 1rem;"
    "margin:.75rem 0}\n"
    ".claim p,.missing p,.texts p{margin:.25rem 0}\n"
    ".verdict{font-weight:700;margin-right:.5rem}\n"
    ".holds .verdict{color:var(--good)}.fails .verdict{color:var(--bad)}"
    ".undecided .verdict{color:var(--open)}.unknown .verdict{color:var(--dim)}\n"
    "code{font-family:ui-monospace,monospace;font-size:.9em;white-space:pre-wrap}\n"
    ".scroll{overflow-x:auto;margin:1rem 0}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.92rem;"
    "min-width:min(100%,36rem)}\n"
    "caption{text-align:left;padding-bottom:.35rem}\n"
    "th,td{text-align:left;padding:.2rem .75rem .2rem 0;border-bottom:1px solid var(--line);"
    "vertical-align:top;overflow-wrap:normal}\n"
    "th[scope=row]{min-width:10rem}td.text{min-width:4rem;overflow-wrap:anywhere}\n"
    "td.n,th.n{text-align:right;white-space:nowrap}td.n span{color:var(--dim)}\n"
    "figure{margin:1.25rem 0;background:var(--card);border-radius:12px;padding:.75rem}\n"
    "figure svg{width:100%;height:auto;display:block}figcaption{margin-top:.35rem}\n"
    ".dark{display:none}\n"
    "@media (prefers-color-scheme:dark){.light{display:none}.dark{display:block}}\n"
    ".answer{white-space:pre-wrap;border-left:3px solid var(--line);padding-left:.75rem;"
    "margin:.25rem 0 .75rem}\n"
    ".grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr));gap:0 1rem}\n"
    "@media print{:root{--bg:#fff;--fg:#000;--dim:#444;--line:#0003;--card:#fff;--good:#1b7a3e;"
    "--bad:#b3151f;--open:#8a5a00;color-scheme:light}body{max-width:none;padding:0;font-size:10pt}"
    "nav{display:none}.light{display:block}.dark{display:none}"
    ".claim,.missing,.texts,figure{break-inside:avoid;border:1px solid #0003}"
    ".scroll{overflow:visible}table{font-size:8pt}h2{break-after:avoid}}\n";

/* Controls that no document may hold become U+FFFD. */
static void
append_escaped (GString *html, const char *text)
{
  for (const char *c = text; *c != '\0'; c++)
    switch (*c)
      {
      case '&':
        g_string_append (html, "&amp;");
        break;
      case '<':
        g_string_append (html, "&lt;");
        break;
      case '>':
        g_string_append (html, "&gt;");
        break;
      case '"':
        g_string_append (html, "&quot;");
        break;
      case '\'':
        g_string_append (html, "&#39;");
        break;
      default:
        if ((unsigned char)*c < 0x20 && strchr ("\t\n\r", *c) == NULL)
          g_string_append (html, "\xef\xbf\xbd");
        else
          g_string_append_c (html, *c);
      }
}

static void
append_element (GString *html, const char *open, const char *text, const char *close)
{
  g_string_append (html, open);
  append_escaped (html, text);
  g_string_append (html, close);
}

/* --- Blocks --- */

static void
append_claim (GString *html, const CsReportBlock *claim)
{
  static const char *const classes[] = { "holds", "fails", "undecided", "unknown" };
  static const char *const marks[] = { "✓ ", "✗ ", "≈ ", "? " };

  g_string_append_printf (html, "<div class=\"claim %s\"><p><span class=\"verdict\">%s",
                          classes[claim->verdict], marks[claim->verdict]);
  append_element (html, "", cs_report_verdict_word (claim->verdict), "</span> ");
  append_element (html, "", claim->text, "</p>");
  append_element (html, "<p class=\"detail\">", claim->detail, "</p></div>\n");
}

static void
append_attribute (GString *html, const char *name, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (isfinite (value))
    g_string_append_printf (html, " data-%s=\"%s\"", name,
                            cs_report_exact (text, value));
}

static void
append_cell (GString *html, const CsReportCell *cell, bool header, bool right)
{
  if (!cell->is_number)
    {
      append_element (html, header ? "<th scope=\"row\">" : "<td class=\"text\">", cell->text,
                      header ? "</th>" : "</td>");
      return;
    }
  g_string_append (html, right ? "<td class=\"n\"" : "<td");
  append_attribute (html, "value", cell->value);
  append_attribute (html, "low", cell->low);
  append_attribute (html, "high", cell->high);
  append_element (html, ">", cell->text, "</td>");
}

static void
append_table (GString *html, const CsReportBlock *table)
{
  g_string_append_printf (html, "<div class=\"scroll\"><table id=\"%s\">", table->id);
  append_element (html, "<caption>", table->text, "</caption><thead><tr>");
  for (size_t c = 0; c < table->n_columns; c++)
    append_element (html,
                    cs_report_column_is_number (table, c) ? "<th scope=\"col\" class=\"n\">"
                                                          : "<th scope=\"col\">",
                    table->columns[c], "</th>");
  g_string_append (html, "</tr></thead><tbody>\n");
  for (size_t r = 0; r < table->n_rows; r++)
    {
      g_string_append (html, "<tr>");
      for (size_t c = 0; c < table->n_columns; c++)
        append_cell (html, &table->cells[r * table->n_columns + c], c == 0,
                     cs_report_column_is_number (table, c));
      g_string_append (html, "</tr>\n");
    }
  g_string_append (html, "</tbody></table></div>\n");
}

static void
append_drawing (GString *html, CsPlot *plot, const char *id, bool dark)
{
  CsPlotTheme theme = dark ? *cs_plot_theme_dark () : *cs_plot_theme_light ();
  g_autofree char *prefix = g_strdup_printf ("%s-%s-", id, dark ? "d" : "l"), *svg = NULL;

  theme.background.alpha = 0;
  cs_plot_set_theme (plot, &theme);
  svg = cs_report_svg (plot, CS_REPORT_FIGURE_WIDTH, CS_REPORT_FIGURE_HEIGHT, prefix);
  g_string_append_printf (html, "<div class=\"%s\">%s</div>", dark ? "dark" : "light", svg);
}

static void
append_figure (GString *html, const CsReportBlock *figure)
{
  g_autoptr (CsPlot) plot = cs_report_plot (figure);
  g_autofree char *words = cs_plot_describe (plot);

  g_string_append_printf (html, "<figure id=\"%s\" role=\"img\"", figure->id);
  append_element (html, " aria-label=\"", words, "\">");
  append_drawing (html, plot, figure->id, false);
  append_drawing (html, plot, figure->id, true);
  append_element (html, "<figcaption>", figure->text, "</figcaption></figure>\n");
}

static void
append_texts (GString *html, const CsReportBlock *texts)
{
  g_string_append_printf (html, "<div class=\"texts\" id=\"%s\">", texts->id);
  append_element (html, "<p><strong>", texts->text, "</strong></p>");
  append_element (html, "<p class=\"detail\">", texts->detail, "</p><div class=\"grid\">");
  for (size_t c = 0; c < texts->n_columns; c++)
    {
      append_element (html, "<div><p class=\"detail\">", texts->columns[c], "</p>");
      append_element (html, "<p class=\"answer\">", texts->cells[c].text, "</p></div>");
    }
  g_string_append (html, "</div></div>\n");
}

static void
append_block (GString *html, const CsReportBlock *block)
{
  switch (block->kind)
    {
    case CS_REPORT_PARAGRAPH:
      append_element (html, "<p>", block->text, "</p>\n");
      break;
    case CS_REPORT_CLAIM:
      append_claim (html, block);
      break;
    case CS_REPORT_TABLE:
      append_table (html, block);
      break;
    case CS_REPORT_FIGURE:
      append_figure (html, block);
      break;
    case CS_REPORT_TEXTS:
      append_texts (html, block);
      break;
    case CS_REPORT_MISSING:
    default:
      append_element (html, "<div class=\"missing\"><p>", block->text, "</p>");
      append_element (html, "<p><code>", block->detail, "</code></p></div>\n");
    }
}

/* --- The whole --- */

static void
append_head (GString *html, const CsReport *report)
{
  g_string_append (html, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                         "<meta name=\"generator\" content=\"Crosscope " CS_VERSION "\">");
  append_element (html, "<title>", report->title, "</title>\n<style>\n");
  g_string_append (html, style);
  g_string_append (html, "</style></head>\n<body>\n");
  append_element (html, "<header><h1>", report->title, "</h1>");
  append_element (html, "<p>", report->subtitle, "</p></header>\n<nav>");
  for (guint s = 0; s < report->sections->len; s++)
    {
      const CsReportSection *section = g_ptr_array_index (report->sections, s);

      g_string_append_printf (html, "<a href=\"#%s\">", section->id);
      append_element (html, "", section->title, "</a> ");
    }
  g_string_append (html, "</nav>\n<main>\n");
}

char *
cs_report_html (const CsReport *report)
{
  GString *html = g_string_new (NULL);

  append_head (html, report);
  for (guint s = 0; s < report->sections->len; s++)
    {
      const CsReportSection *section = g_ptr_array_index (report->sections, s);

      g_string_append_printf (html, "<section><h2 id=\"%s\">", section->id);
      append_element (html, "", section->title, "</h2>\n");
      for (guint b = 0; b < section->blocks->len; b++)
        append_block (html, g_ptr_array_index (section->blocks, b));
      g_string_append (html, "</section>\n");
    }
  g_string_append (html, "</main>\n<footer><p>");
  append_escaped (html,
                  _ ("Intervals are 95 %. Δ_norm, ν^ε and ν^r as in Minder et al. 2025; index "
                     "0 is base, 1 is chat."));
  g_string_append (html, "</p></footer>\n</body></html>\n");
  return g_string_free (html, FALSE);
}

bool
cs_report_save_html (const CsReport *report, const char *path, GError **error)
{
  g_autofree char *html = cs_report_html (report);

  return cs_file_replace_contents (path, html, strlen (html), error);
}
