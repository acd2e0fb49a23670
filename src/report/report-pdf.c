/* The report on A4 pages. The flow goes down the page and begins a new one where something does not
 * fit; it is drawn twice, first to count the pages. Lengths are in points. */
#include "report-private.h"

#include <math.h>
#include <string.h>

#include <cairo-pdf.h>
#include <glib/gi18n.h>
#include <pango/pangocairo.h>

#include "errors.h"
#include "file-replace.h"

#define PAGE_WIDTH 595.276
#define PAGE_HEIGHT 841.89
#define MARGIN 48.0
#define WIDTH (PAGE_WIDTH - 2 * MARGIN)
#define BOTTOM (PAGE_HEIGHT - MARGIN - 14)
#define FONT "Cantarell, Adwaita Sans, Sans"
#define BODY 9.5
#define SMALL 8.0
#define TABLE_SIZE 8.0
#define TABLE_LEAST 5.0
#define CELL_GAP 8.0
#define TEXT_COLUMN_LEAST 40.0

typedef struct
{
  cairo_surface_t *surface;
  cairo_t *cr;
  const CsReport *report;
  double y;
  int page, n_pages; /* n_pages: 0 while they are counted */
} Flow;

static const CsPlotColor black = { 0.14, 0.12, 0.19, 1 }, grey = { 0.37, 0.36, 0.39, 1 };

static void
set_color (Flow *flow, CsPlotColor color)
{
  cairo_set_source_rgb (flow->cr, color.red, color.green, color.blue);
}

static PangoLayout *
layout_new (Flow *flow, const char *text, double size, bool bold, double width)
{
  PangoLayout *layout = pango_cairo_create_layout (flow->cr);
  PangoFontDescription *font = pango_font_description_from_string (FONT);

  pango_font_description_set_absolute_size (font, size * PANGO_SCALE);
  if (bold)
    pango_font_description_set_weight (font, PANGO_WEIGHT_BOLD);
  pango_layout_set_font_description (layout, font);
  pango_font_description_free (font);
  if (width > 0)
    pango_layout_set_width (layout, (int)(width * PANGO_SCALE));
  pango_layout_set_wrap (layout, PANGO_WRAP_WORD_CHAR);
  pango_layout_set_text (layout, text, -1);
  return layout;
}

static void
layout_size (PangoLayout *layout, double *width, double *height)
{
  int w, h;

  pango_layout_get_size (layout, &w, &h);
  if (width != NULL)
    *width = (double)w / PANGO_SCALE;
  if (height != NULL)
    *height = (double)h / PANGO_SCALE;
}

/* --- Pages --- */

static void
draw_foot (Flow *flow)
{
  g_autofree char *number = flow->n_pages > 0
                                ? g_strdup_printf (_ ("%d of %d"), flow->page, flow->n_pages)
                                : g_strdup_printf ("%d", flow->page);
  g_autoptr (PangoLayout) left = layout_new (flow, flow->report->title, SMALL, false, WIDTH - 80);
  g_autoptr (PangoLayout) right = layout_new (flow, number, SMALL, false, 0);
  double width;

  pango_layout_set_single_paragraph_mode (left, TRUE);
  pango_layout_set_ellipsize (left, PANGO_ELLIPSIZE_END);
  layout_size (right, &width, NULL);
  set_color (flow, grey);
  cairo_move_to (flow->cr, MARGIN, PAGE_HEIGHT - MARGIN);
  pango_cairo_show_layout (flow->cr, left);
  cairo_move_to (flow->cr, PAGE_WIDTH - MARGIN - width, PAGE_HEIGHT - MARGIN);
  pango_cairo_show_layout (flow->cr, right);
}

static void
end_page (Flow *flow)
{
  draw_foot (flow);
  cairo_show_page (flow->cr);
  flow->page++;
  flow->y = MARGIN;
}

/* A new page where less than height is left. */
static void
need (Flow *flow, double height)
{
  if (flow->y + height > BOTTOM && flow->y > MARGIN)
    end_page (flow);
}

/* --- Text --- */

/* Line after line, over as many pages as it takes. */
static void
draw_text (Flow *flow, const char *text, double size, bool bold, CsPlotColor color, double indent)
{
  g_autoptr (PangoLayout) layout = layout_new (flow, text, size, bold, WIDTH - indent);
  PangoLayoutIter *iter = pango_layout_get_iter (layout);

  do
    {
      PangoRectangle logical;
      int baseline = pango_layout_iter_get_baseline (iter);
      double height;

      pango_layout_iter_get_line_extents (iter, NULL, &logical);
      height = (double)logical.height / PANGO_SCALE;
      need (flow, height);
      set_color (flow, color);
      cairo_move_to (flow->cr, MARGIN + indent + (double)logical.x / PANGO_SCALE,
                     flow->y + (double)(baseline - logical.y) / PANGO_SCALE);
      pango_cairo_show_layout_line (flow->cr, pango_layout_iter_get_line_readonly (iter));
      flow->y += height;
    }
  while (pango_layout_iter_next_line (iter));
  pango_layout_iter_free (iter);
}

static double
text_height (Flow *flow, const char *text, double size, double indent)
{
  g_autoptr (PangoLayout) layout = layout_new (flow, text, size, false, WIDTH - indent);
  double height;

  layout_size (layout, NULL, &height);
  return height;
}

/* --- Blocks --- */

static void
draw_claim (Flow *flow, const CsReportBlock *claim)
{
  static const CsPlotColor colors[] = {
    { 0.10, 0.48, 0.24, 1 }, { 0.70, 0.08, 0.12, 1 }, { 0.54, 0.35, 0, 1 }, { 0.37, 0.36, 0.39, 1 }
  };
  g_autofree char *verdict = g_utf8_strup (cs_report_verdict_word (claim->verdict), -1);

  need (flow, MIN (14 + text_height (flow, claim->text, BODY, 10) +
                       text_height (flow, claim->detail, SMALL, 10),
                   BOTTOM - MARGIN));
  draw_text (flow, verdict, SMALL, true, colors[claim->verdict], 10);
  draw_text (flow, claim->text, BODY, false, black, 10);
  draw_text (flow, claim->detail, SMALL, false, grey, 10);
  flow->y += 8;
}

/* The width of each column at this size; the sum. */
static double
measure_columns (Flow *flow, const CsReportBlock *table, double size, double *widths)
{
  double sum = 0;

  for (size_t c = 0; c < table->n_columns; c++)
    {
      g_autoptr (PangoLayout) head = layout_new (flow, table->columns[c], size, true, 0);

      layout_size (head, &widths[c], NULL);
      for (size_t r = 0; r < table->n_rows; r++)
        {
          const CsReportCell *cell = &table->cells[r * table->n_columns + c];
          g_autoptr (PangoLayout) layout = layout_new (flow, cell->text, size, false, 0);
          double width;

          layout_size (layout, &width, NULL);
          widths[c] = MAX (widths[c], width);
        }
      sum += widths[c] + CELL_GAP;
    }
  return sum;
}

/* Takes from the widest columns until all fit; their text wraps. */
static void
squeeze (double *widths, size_t n, double room)
{
  double high = WIDTH, low = 0;

  for (int step = 0; step < 40; step++)
    {
      double cap = (low + high) / 2, sum = 0;

      for (size_t c = 0; c < n; c++)
        sum += MIN (widths[c], MAX (cap, 1)) + CELL_GAP;
      *(sum > room ? &high : &low) = cap;
    }
  for (size_t c = 0; c < n; c++)
    widths[c] = MIN (widths[c], MAX (low, 1));
}

/* The largest size at which the columns fit, or the least one with columns that wrap. */
static double
fit_columns (Flow *flow, const CsReportBlock *table, double *widths)
{
  double size = TABLE_SIZE, sum = measure_columns (flow, table, size, widths);

  if (sum > WIDTH)
    {
      size = MAX (TABLE_SIZE * WIDTH / sum * 0.98, TABLE_LEAST + 1.5);
      sum = measure_columns (flow, table, size, widths);
    }
  if (sum > WIDTH && (double)table->n_columns * TEXT_COLUMN_LEAST > WIDTH)
    {
      size = TABLE_LEAST;
      sum = measure_columns (flow, table, size, widths);
    }
  if (sum > WIDTH)
    squeeze (widths, table->n_columns, WIDTH);
  return size;
}

typedef struct
{
  const CsReportBlock *table;
  const double *widths;
  double size;
} TableLook;

/* r: the row, or −1 for the header. Returns its height; draws where asked. */
static double
table_row (Flow *flow, const TableLook *look, gssize r, bool draw)
{
  double x = MARGIN, height = 0;

  for (size_t c = 0; c < look->table->n_columns; c++)
    {
      const CsReportCell *cell =
          &look->table->cells[(size_t)MAX (r, 0) * look->table->n_columns + c];
      const char *text = r < 0 ? look->table->columns[c] : cell->text;
      g_autoptr (PangoLayout) layout =
          layout_new (flow, text, look->size, r < 0, look->widths[c] + 1);
      double h;

      if (cs_report_column_is_number (look->table, c))
        pango_layout_set_alignment (layout, PANGO_ALIGN_RIGHT);
      layout_size (layout, NULL, &h);
      height = MAX (height, h);
      if (draw)
        {
          set_color (flow, black);
          cairo_move_to (flow->cr, x, flow->y + 2);
          pango_cairo_show_layout (flow->cr, layout);
        }
      x += look->widths[c] + CELL_GAP;
    }
  return height + 4;
}

static void
draw_row (Flow *flow, const TableLook *look, gssize r, double height)
{
  table_row (flow, look, r, true);
  flow->y += height;
  cairo_set_source_rgba (flow->cr, 0, 0, 0, r < 0 ? 0.5 : 0.15);
  cairo_set_line_width (flow->cr, r < 0 ? 0.7 : 0.4);
  cairo_move_to (flow->cr, MARGIN, flow->y);
  cairo_line_to (flow->cr, MARGIN + WIDTH, flow->y);
  cairo_stroke (flow->cr);
}

static void
draw_table (Flow *flow, const CsReportBlock *table)
{
  g_autofree double *widths = g_new0 (double, MAX (table->n_columns, 1));
  TableLook look = { table, widths, fit_columns (flow, table, widths) };
  double header = table->n_columns > 0 ? table_row (flow, &look, -1, false) : 0;

  need (flow, text_height (flow, table->text, SMALL, 0) + 3 * header);
  draw_text (flow, table->text, SMALL, false, grey, 0);
  flow->y += 2;
  if (table->n_rows == 0)
    return;
  draw_row (flow, &look, -1, header);
  for (size_t r = 0; r < table->n_rows; r++)
    {
      double height = table_row (flow, &look, (gssize)r, false);

      if (flow->y + height > BOTTOM && flow->y > MARGIN + header)
        {
          end_page (flow);
          draw_row (flow, &look, -1, header);
        }
      draw_row (flow, &look, (gssize)r, height);
    }
  flow->y += 12;
}

static void
draw_figure (Flow *flow, const CsReportBlock *figure)
{
  g_autoptr (CsPlot) plot = cs_report_plot (figure);
  const double scale = WIDTH / CS_REPORT_FIGURE_WIDTH, height = scale * CS_REPORT_FIGURE_HEIGHT;

  need (flow, height + 4 + text_height (flow, figure->text, SMALL, 0));
  cairo_save (flow->cr);
  cairo_translate (flow->cr, MARGIN, flow->y);
  cairo_scale (flow->cr, scale, scale);
  cs_plot_draw (plot, flow->cr, CS_REPORT_FIGURE_WIDTH, CS_REPORT_FIGURE_HEIGHT);
  cairo_restore (flow->cr);
  flow->y += height + 4;
  draw_text (flow, figure->text, SMALL, false, grey, 0);
  flow->y += 12;
}

static void
draw_texts (Flow *flow, const CsReportBlock *texts)
{
  need (flow, 48);
  draw_text (flow, texts->text, BODY, true, black, 0);
  draw_text (flow, texts->detail, SMALL, false, grey, 0);
  flow->y += 3;
  for (size_t c = 0; c < texts->n_columns; c++)
    {
      need (flow, 26);
      draw_text (flow, texts->columns[c], SMALL, true, grey, 10);
      draw_text (flow, texts->cells[c].text, BODY, false, black, 10);
      flow->y += 3;
    }
  flow->y += 8;
}

static void
draw_block (Flow *flow, const CsReportBlock *block)
{
  switch (block->kind)
    {
    case CS_REPORT_PARAGRAPH:
      draw_text (flow, block->text, BODY, false, black, 0);
      flow->y += 8;
      break;
    case CS_REPORT_CLAIM:
      draw_claim (flow, block);
      break;
    case CS_REPORT_TABLE:
      draw_table (flow, block);
      break;
    case CS_REPORT_FIGURE:
      draw_figure (flow, block);
      break;
    case CS_REPORT_TEXTS:
      draw_texts (flow, block);
      break;
    case CS_REPORT_MISSING:
    default:
      need (flow, 30);
      draw_text (flow, block->text, BODY, false, black, 0);
      draw_text (flow, block->detail, SMALL, false, grey, 10);
      flow->y += 8;
    }
}

/* --- The whole --- */

static void
add_outline (Flow *flow, const char *title)
{
  g_autofree char *attributes =
      g_strdup_printf ("page=%d pos=[%d %d]", flow->page, (int)MARGIN, (int)flow->y);

  cairo_pdf_surface_add_outline (flow->surface, CAIRO_PDF_OUTLINE_ROOT, title, attributes,
                                 CAIRO_PDF_OUTLINE_FLAG_OPEN);
}

static void
draw_report (Flow *flow)
{
  draw_text (flow, flow->report->title, 20, true, black, 0);
  draw_text (flow, flow->report->subtitle, BODY, false, grey, 0);
  for (guint s = 0; s < flow->report->sections->len; s++)
    {
      const CsReportSection *section = g_ptr_array_index (flow->report->sections, s);

      flow->y += 12;
      need (flow, 90);
      if (flow->n_pages > 0)
        add_outline (flow, section->title);
      draw_text (flow, section->title, 14, true, black, 0);
      flow->y += 5;
      for (guint b = 0; b < section->blocks->len; b++)
        draw_block (flow, g_ptr_array_index (section->blocks, b));
    }
  end_page (flow);
}

static cairo_status_t
append_cb (void *data, const unsigned char *bytes, unsigned int n)
{
  if (data != NULL)
    g_byte_array_append (data, bytes, n);
  return CAIRO_STATUS_SUCCESS;
}

/* Returns the number of pages; 0 where cairo failed. */
static int
draw_pages (const CsReport *report, int n_pages, GByteArray *bytes)
{
  Flow flow = { .report = report, .y = MARGIN, .page = 1, .n_pages = n_pages };
  cairo_status_t status;

  flow.surface = cairo_pdf_surface_create_for_stream (append_cb, bytes, PAGE_WIDTH, PAGE_HEIGHT);
  cairo_pdf_surface_set_metadata (flow.surface, CAIRO_PDF_METADATA_TITLE, report->title);
  cairo_pdf_surface_set_metadata (flow.surface, CAIRO_PDF_METADATA_CREATOR, "Crosscope");
  flow.cr = cairo_create (flow.surface);
  draw_report (&flow);
  status = cairo_status (flow.cr);
  cairo_destroy (flow.cr);
  cairo_surface_finish (flow.surface);
  if (status == CAIRO_STATUS_SUCCESS)
    status = cairo_surface_status (flow.surface);
  cairo_surface_destroy (flow.surface);
  return status == CAIRO_STATUS_SUCCESS ? flow.page - 1 : 0;
}

bool
cs_report_save_pdf (const CsReport *report, const char *path, GError **error)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  const int n_pages = draw_pages (report, 0, NULL);

  if (n_pages == 0 || draw_pages (report, n_pages, bytes) == 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO,
                   "%s could not be drawn: close other programs to free memory and try again.",
                   path);
      return false;
    }
  return cs_file_replace_contents (path, bytes->data, bytes->len, error);
}
