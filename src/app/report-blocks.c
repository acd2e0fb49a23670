#include "report-blocks.h"

#include <glib/gi18n.h>

#include "plot-view.h"

#define MAX_ROWS 60 /* of a table; the rest is in the exported files */

static GtkWidget *
label_new (const char *text, const char *css_class)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
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

static GtkWidget *
cell_new (const CsReportCell *cell, bool first)
{
  GtkWidget *label = gtk_label_new (cell->text);

  gtk_label_set_xalign (GTK_LABEL (label), cell->is_number ? 1 : 0);
  gtk_label_set_yalign (GTK_LABEL (label), 0);
  if (cell->is_number)
    gtk_widget_add_css_class (label, "numeric");
  else
    {
      gtk_label_set_wrap (GTK_LABEL (label), TRUE);
      gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
      gtk_label_set_max_width_chars (GTK_LABEL (label), first ? 44 : 36);
      gtk_label_set_selectable (GTK_LABEL (label), !first);
    }
  return label;
}

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
      bool number = table->n_rows > 0 && table->cells[c].is_number;

      gtk_label_set_xalign (GTK_LABEL (label), number ? 1 : 0);
      gtk_widget_add_css_class (label, "caption-heading");
      gtk_grid_attach (GTK_GRID (grid), label, (int)c, 0, 1, 1);
    }
  for (size_t r = 0; r < table->n_rows && r < MAX_ROWS; r++)
    for (size_t c = 0; c < table->n_columns; c++)
      gtk_grid_attach (GTK_GRID (grid), cell_new (&table->cells[r * table->n_columns + c], c == 0),
                       (int)c, (int)r + 1, 1, 1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (grid), GTK_ACCESSIBLE_PROPERTY_LABEL, table->text,
                                  -1);
  return grid;
}

static GtkWidget *
table_new (const CsReportBlock *table)
{
  GtkWidget *box, *card = card_new (&box), *scrolled = gtk_scrolled_window_new ();
  GtkWidget *caption = label_new (table->text, "dim-label");

  gtk_widget_add_css_class (caption, "caption");
  gtk_box_append (GTK_BOX (box), caption);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_AUTOMATIC,
                                  GTK_POLICY_NEVER);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled), grid_new (table));
  gtk_box_append (GTK_BOX (box), scrolled);
  if (table->n_rows > MAX_ROWS)
    {
      g_autofree char *more = g_strdup_printf (_ ("%zu more rows are in the exported files."),
                                               table->n_rows - MAX_ROWS);

      gtk_box_append (GTK_BOX (box), label_new (more, "dim-label"));
    }
  return card;
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
