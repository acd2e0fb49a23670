/* A plot out of the window: into a file or the clipboard. */
#include "plot-view-private.h"

#include <glib/gi18n.h>

#include "dialogs.h"
#include "feedback.h"

#define EXPORT_WIDTH 900
#define EXPORT_HEIGHT 500

bool
cs_plot_view_save (CsPlotView *self, const char *path, GError **error)
{
  CsPlotTheme shown, solid;
  bool saved;

  g_return_val_if_fail (CS_IS_PLOT_VIEW (self) && self->plot != NULL, false);
  /* On paper nothing shines through. */
  shown = solid = *cs_plot_get_theme (self->plot);
  solid.background.alpha = 1;
  cs_plot_set_theme (self->plot, &solid);
  saved = cs_plot_save (self->plot, path, EXPORT_WIDTH, EXPORT_HEIGHT, error);
  cs_plot_set_theme (self->plot, &shown);
  return saved;
}

static void
save_and_tell (CsPlotView *self, const char *path)
{
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *text = g_strdup_printf (_ ("Saved “%s”"), name);
  g_autoptr (GError) error = NULL;

  if (cs_plot_view_save (self, path, &error))
    cs_feedback_toast (GTK_WIDGET (self), text);
  else
    cs_feedback_error (GTK_WIDGET (self), &error);
}

/* data: the suffix of the format, static. */
static void
file_chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  CsPlotView *self = CS_PLOT_VIEW (widget);
  g_autofree char *whole = NULL;

  if (path == NULL || self->plot == NULL)
    return;
  whole = g_str_has_suffix (path, data) ? g_strdup (path) : g_strconcat (path, data, NULL);
  save_and_tell (self, whole);
}

void
cs_plot_view_save_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  static const char *const suffixes[] = { ".png", ".svg", ".pdf" };
  CsPlotView *self = CS_PLOT_VIEW (widget);
  const char *suffix = suffixes[0];
  g_autofree char *suggested = NULL;

  if (self->plot == NULL)
    return;
  for (size_t i = 0; i < G_N_ELEMENTS (suffixes); i++)
    if (g_str_has_suffix (name, suffixes[i] + 1))
      suffix = suffixes[i];
  suggested = g_strconcat (cs_plot_get_title (self->plot), suffix, NULL);
  g_strdelimit (suggested, "/\\:", '-');
  cs_compat_choose (widget, CS_CHOOSE_SAVE, _ ("Save Plot"), _ ("_Save"), suggested, file_chosen_cb,
                    (void *)(gsize)suffix);
}

void
cs_plot_view_copy_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  CsPlotView *self = CS_PLOT_VIEW (widget);
  CsPlotTheme shown, solid;
  g_autoptr (GdkTexture) picture = NULL;

  if (self->plot == NULL)
    return;
  shown = solid = *cs_plot_get_theme (self->plot);
  solid.background.alpha = 1;
  cs_plot_set_theme (self->plot, &solid);
  picture = cs_plot_view_draw (self, EXPORT_WIDTH, EXPORT_HEIGHT, 2);
  cs_plot_set_theme (self->plot, &shown);
  gdk_clipboard_set_texture (gtk_widget_get_clipboard (widget), picture);
  cs_feedback_toast (widget, _ ("Plot copied"));
}
