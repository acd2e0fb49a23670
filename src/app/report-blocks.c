#include "report-blocks.h"

#include <glib/gi18n.h>

#include "plot-view.h"

#define MAX_ROWS 60 /* of a table; the rest is in the exported files */
#define GROWTH 16   /* cells that are made at a time */
#define FIGURE_COST 600
#define LEAST_CHARS 12 /* a wrapping label asks for so many: without it text is tried at width 0   \
                        */

static GtkWidget *
label_new (const char *text, const char *css_class)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_width_chars (GTK_LABEL (label), LEAST_CHARS);
  if (css_class != NULL)
    gtk_widget_add_css_class (label, css_class);
  return label;
}

static GtkWidget *
card_new (GtkWidget **content)
{
  GtkWidget *card = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  *content = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  gtk_widget_add_css_class (card, "card");
  gtk_widget_set_margin_top (*content, 9);
  gtk_widget_set_margin_bottom (*content, 9);
  gtk_widget_set_margin_start (*content, 12);
  gtk_widget_set_margin_end (*content, 12);
  gtk_box_append (GTK_BOX (card), *content);
  return card;
}

static GtkWidget *
claim_new (const CsReportBlock *claim)
{
  static const char *const classes[] = { "success", "error", "warning", "dim-label" };
  static const char *const icons[] = { "emblem-ok-symbolic", "process-stop-symbolic",
                                       "dialog-question-symbolic", "content-loading-symbolic" };
  GtkWidget *box, *card = card_new (&box), *head = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *icon = gtk_image_new_from_icon_name (icons[claim->verdict]);
  GtkWidget *verdict = label_new (cs_report_verdict_word (claim->verdict), "heading");
  GtkWidget *detail = label_new (claim->detail, "dim-label");

  gtk_widget_add_css_class (icon, classes[claim->verdict]);
  gtk_widget_add_css_class (verdict, classes[claim->verdict]);
  gtk_accessible_update_property (GTK_ACCESSIBLE (icon), GTK_ACCESSIBLE_PROPERTY_LABEL, "", -1);
  gtk_box_append (GTK_BOX (head), icon);
  gtk_box_append (GTK_BOX (head), verdict);
  gtk_box_append (GTK_BOX (box), head);
  gtk_box_append (GTK_BOX (box), label_new (claim->text, NULL));
  gtk_widget_add_css_class (detail, "caption");
  gtk_box_append (GTK_BOX (box), detail);
  return card;
}

/* --- Tables --- */

/* A table is as wide as it likes to be and scrolls: were a cell to wrap at any width, the table's
 * height would be that of its narrowest form. */
static GtkWidget *
cell_new (const CsReportCell *cell, bool first, bool right)
{
  GtkWidget *label = gtk_label_new (cell->text);
  const int limit = first ? 50 : 36;

  gtk_label_set_xalign (GTK_LABEL (label), right ? 1 : 0);
  gtk_label_set_yalign (GTK_LABEL (label), 0);
  if (cell->is_number)
    gtk_widget_add_css_class (label, "numeric");
  else
    gtk_label_set_selectable (GTK_LABEL (label), !first);
  if (!cell->is_number && g_utf8_strlen (cell->text, -1) > limit)
    {
      gtk_label_set_wrap (GTK_LABEL (label), TRUE);
      gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
      gtk_label_set_width_chars (GTK_LABEL (label), limit);
      gtk_label_set_max_width_chars (GTK_LABEL (label), limit);
    }
  return label;
}

/* The header. */
static GtkWidget *
grid_new (const CsReportBlock *table)
{
  GtkWidget *grid = gtk_grid_new ();

  gtk_grid_set_column_spacing (GTK_GRID (grid), 18);
  gtk_grid_set_row_spacing (GTK_GRID (grid), 3);
  gtk_widget_set_margin_bottom (grid, 9); /* room for the scroll bar */
  for (size_t c = 0; c < table->n_columns; c++)
    {
      GtkWidget *label = gtk_label_new (table->columns[c]);

      gtk_label_set_xalign (GTK_LABEL (label), cs_report_column_is_number (table, c) ? 1 : 0);
      gtk_widget_add_css_class (label, "caption-heading");
      gtk_grid_attach (GTK_GRID (grid), label, (int)c, 0, 1, 1);
    }
  gtk_accessible_update_property (GTK_ACCESSIBLE (grid), GTK_ACCESSIBLE_PROPERTY_LABEL, table->text,
                                  -1);
  return grid;
}

/* What of a card's table is there. */
typedef struct
{
  GtkGrid *grid;
  GtkBox *box; /* that it is in, under its caption */
  size_t rows;
} Growth;

static GtkWidget *
table_new (const CsReportBlock *table)
{
  GtkWidget *box, *card = card_new (&box), *scrolled = gtk_scrolled_window_new ();
  GtkWidget *caption = label_new (table->text, "dim-label"), *grid = grid_new (table);
  Growth *growth = g_new0 (Growth, 1);

  gtk_widget_add_css_class (caption, "caption");
  gtk_box_append (GTK_BOX (box), caption);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_AUTOMATIC,
                                  GTK_POLICY_NEVER);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled), grid);
  gtk_box_append (GTK_BOX (box), scrolled);
  growth->grid = GTK_GRID (grid);
  growth->box = GTK_BOX (box);
  g_object_set_data_full (G_OBJECT (card), "growth", growth, g_free);
  return card;
}

bool
cs_report_block_grow (GtkWidget *widget, const CsReportBlock *block)
{
  Growth *growth = g_object_get_data (G_OBJECT (widget), "growth");
  const size_t shown = MIN (block->n_rows, MAX_ROWS);

  if (growth == NULL)
    return false;
  for (size_t made = 0; growth->rows < shown && made < GROWTH; made += block->n_columns)
    {
      const size_t r = growth->rows++;

      for (size_t c = 0; c < block->n_columns; c++)
        gtk_grid_attach (growth->grid,
                         cell_new (&block->cells[r * block->n_columns + c], c == 0,
                                   cs_report_column_is_number (block, c)),
                         (int)c, (int)r + 1, 1, 1);
    }
  if (growth->rows < shown)
    return true;
  if (block->n_rows > shown)
    {
      g_autofree char *more =
          g_strdup_printf (_ ("%zu more rows are in the exported files."), block->n_rows - shown);

      gtk_box_append (growth->box, label_new (more, "dim-label"));
    }
  return false;
}

/* --- The others --- */

static GtkWidget *
figure_new (const CsReportBlock *figure)
{
  GtkWidget *box, *card = card_new (&box);
  GtkWidget *view = cs_plot_view_new (cs_report_plot (figure));
  GtkWidget *caption = label_new (figure->text, "dim-label");

  gtk_widget_set_size_request (view, -1, 300);
  gtk_box_append (GTK_BOX (box), view);
  gtk_widget_add_css_class (caption, "caption");
  gtk_box_append (GTK_BOX (box), caption);
  return card;
}

static GtkWidget *
texts_new (const CsReportBlock *texts)
{
  GtkWidget *box, *card = card_new (&box), *detail = label_new (texts->detail, "dim-label");

  gtk_box_append (GTK_BOX (box), label_new (texts->text, "heading"));
  gtk_widget_add_css_class (detail, "caption");
  gtk_box_append (GTK_BOX (box), detail);
  for (size_t c = 0; c < texts->n_columns; c++)
    {
      GtkWidget *title = label_new (texts->columns[c], "caption-heading");
      GtkWidget *text = label_new (texts->cells[c].text, NULL);

      gtk_widget_set_margin_top (title, 6);
      gtk_label_set_selectable (GTK_LABEL (text), TRUE);
      gtk_box_append (GTK_BOX (box), title);
      gtk_box_append (GTK_BOX (box), text);
    }
  return card;
}

/* With a button to the page where it is made. */
static GtkWidget *
missing_new (const CsReportBlock *missing)
{
  static const struct
  {
    const char *page, *label;
  } pages[] = { { "activations", N_ ("Show Activations") },
                { "training", N_ ("Show Training") },
                { "latents", N_ ("Show Latents") },
                { "steering", N_ ("Show Steering") } };
  GtkWidget *box, *card = card_new (&box), *command = label_new (missing->detail, "caption");

  gtk_box_append (GTK_BOX (box), label_new (missing->text, NULL));
  gtk_widget_add_css_class (command, "monospace");
  gtk_widget_add_css_class (command, "dim-label");
  gtk_label_set_selectable (GTK_LABEL (command), TRUE);
  gtk_box_append (GTK_BOX (box), command);
  for (size_t i = 0; i < G_N_ELEMENTS (pages); i++)
    if (g_strcmp0 (pages[i].page, missing->page) == 0)
      {
        GtkWidget *button = gtk_button_new_with_label (_ (pages[i].label));

        gtk_widget_set_halign (button, GTK_ALIGN_START);
        gtk_widget_set_margin_top (button, 6);
        gtk_actionable_set_action_name (GTK_ACTIONABLE (button), "win.show-page");
        gtk_actionable_set_action_target (GTK_ACTIONABLE (button), "s", pages[i].page);
        gtk_box_append (GTK_BOX (box), button);
      }
  return card;
}

GtkWidget *
cs_report_block_widget (const CsReportBlock *block)
{
  switch (block->kind)
    {
    case CS_REPORT_CLAIM:
      return claim_new (block);
    case CS_REPORT_TABLE:
      return table_new (block);
    case CS_REPORT_FIGURE:
      return figure_new (block);
    case CS_REPORT_TEXTS:
      return texts_new (block);
    case CS_REPORT_MISSING:
      return missing_new (block);
    case CS_REPORT_PARAGRAPH:
    default:
      return label_new (block->text, NULL);
    }
}

static size_t
length_of (const char *text)
{
  return text != NULL ? (size_t)g_utf8_strlen (text, -1) : 0;
}

size_t
cs_report_block_cost (const CsReportBlock *block)
{
  size_t cost = 30 + length_of (block->text) + length_of (block->detail);

  if (block->kind == CS_REPORT_FIGURE)
    cost += FIGURE_COST;
  for (size_t c = 0; c < block->n_columns; c++)
    {
      cost += length_of (block->columns[c]);
      if (block->kind == CS_REPORT_TEXTS)
        cost += length_of (block->cells[c].text);
    }
  return cost;
}
