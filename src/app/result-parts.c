#include "result-parts.h"

#include "plot-view.h"

#define BAR_HEIGHT 22
#define PLOT_MARGINS 96

GtkWidget *
cs_result_group (const char *title, const char *description)
{
  GtkWidget *group = adw_preferences_group_new ();

  adw_preferences_group_set_title (ADW_PREFERENCES_GROUP (group), title);
  adw_preferences_group_set_description (ADW_PREFERENCES_GROUP (group), description);
  return group;
}

GtkWidget *
cs_result_group_of (const char *title, const char *description, GtkWidget *child)
{
  GtkWidget *group = cs_result_group (title, description);

  adw_preferences_group_add (ADW_PREFERENCES_GROUP (group), child);
  return group;
}

void
cs_result_row (GtkWidget *group, const char *title, const char *subtitle)
{
  GtkWidget *row = adw_action_row_new ();
  g_autofree char *valid = g_utf8_make_valid (title, -1);
  g_autofree char *valid_subtitle = g_utf8_make_valid (subtitle, -1);
  g_autofree char *title_text = g_markup_escape_text (valid, -1);
  g_autofree char *subtitle_text = g_markup_escape_text (valid_subtitle, -1);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title_text);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle_text);
  adw_action_row_set_title_lines (ADW_ACTION_ROW (row), 3);
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (group), row);
}

GtkWidget *
cs_result_plot (CsPlot *plot, size_t n_bars)
{
  GtkWidget *view = cs_plot_view_new (plot);

  gtk_widget_add_css_class (view, "card");
  gtk_widget_set_size_request (view, -1, PLOT_MARGINS + BAR_HEIGHT * (int)MIN (n_bars, 40));
  return view;
}

GtkWidget *
cs_result_table (const char *const *titles, GtkWidget **grid)
{
  GtkWidget *scroll = gtk_scrolled_window_new ();

  *grid = gtk_grid_new ();
  gtk_grid_set_column_spacing (GTK_GRID (*grid), 18);
  gtk_grid_set_row_spacing (GTK_GRID (*grid), 6);
  gtk_widget_set_margin_bottom (*grid, 12);
  for (int i = 0; titles[i] != NULL; i++)
    {
      GtkWidget *label = gtk_label_new (titles[i]);

      gtk_label_set_xalign (GTK_LABEL (label), i == 0 ? 0 : 1);
      gtk_widget_add_css_class (label, "caption-heading");
      gtk_grid_attach (GTK_GRID (*grid), label, i, 0, 1, 1);
    }
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scroll), GTK_POLICY_AUTOMATIC,
                                  GTK_POLICY_NEVER);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scroll), *grid);
  return scroll;
}

void
cs_result_cell (GtkWidget *grid, int column, int row, const char *text, bool is_name)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GtkWidget *label = gtk_label_new (valid);

  gtk_label_set_xalign (GTK_LABEL (label), is_name ? 0 : 1);
  gtk_widget_set_hexpand (label, is_name);
  gtk_widget_add_css_class (label, is_name ? "body" : "numeric");
  gtk_grid_attach (GTK_GRID (grid), label, column, row + 1, 1, 1);
}
