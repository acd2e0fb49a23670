#include "feedback.h"

#include <glib/gi18n.h>
#include <math.h>

static AdwToastOverlay *
overlay_of (GtkWidget *widget)
{
  GtkWidget *overlay = gtk_widget_get_ancestor (widget, ADW_TYPE_TOAST_OVERLAY);

  return overlay != NULL ? ADW_TOAST_OVERLAY (overlay) : NULL;
}

static AdwToast *
new_toast (const char *text)
{
  g_autofree char *escaped = g_markup_escape_text (text, -1); /* toast titles are markup */
  AdwToast *toast = adw_toast_new (escaped);

  adw_toast_set_timeout (toast, strlen (text) > 60 ? 10 : 5);
  return toast;
}

void
cs_feedback_toast (GtkWidget *widget, const char *text)
{
  cs_feedback_toast_action (widget, text, NULL, NULL);
}

void
cs_feedback_toast_action (GtkWidget *widget, const char *text, const char *button, const char *action)
{
  AdwToastOverlay *overlay = overlay_of (widget);
  AdwToast *toast;

  if (overlay == NULL)
    {
      g_message ("%s", text);
      return;
    }
  toast = new_toast (text);
  if (button != NULL)
    {
      adw_toast_set_button_label (toast, button);
      adw_toast_set_detailed_action_name (toast, action);
    }
  adw_toast_overlay_add_toast (overlay, toast);
}

typedef struct
{
  void (*func) (void *data);
  void *data;
  GDestroyNotify free_data;
} Undo;

static void
undo_free (void *data, GClosure *closure)
{
  Undo *undo = data;

  if (undo->free_data != NULL)
    undo->free_data (undo->data);
  g_free (undo);
}

static void
undo_cb (AdwToast *toast, Undo *undo)
{
  undo->func (undo->data);
}

void
cs_feedback_toast_undo (GtkWidget *widget, const char *text, void (*func) (void *data), void *data, GDestroyNotify free_data)
{
  AdwToastOverlay *overlay = overlay_of (widget);
  AdwToast *toast = new_toast (text);
  Undo *undo = g_new (Undo, 1);

  *undo = (Undo) { func, data, free_data };
  adw_toast_set_button_label (toast, _("_Undo"));
  adw_toast_set_priority (toast, ADW_TOAST_PRIORITY_HIGH); /* an undo cannot wait for others to end */
  g_signal_connect_data (toast, "button-clicked", G_CALLBACK (undo_cb), undo, undo_free, 0);
  if (overlay != NULL)
    adw_toast_overlay_add_toast (overlay, toast);
  else
    g_object_unref (toast);
}

void
cs_feedback_error (GtkWidget *widget, GError **error)
{
  if (*error == NULL)
    return;
  g_printerr ("crosscope: %s\n", (*error)->message);
  cs_feedback_toast (widget, (*error)->message);
  g_clear_error (error);
}

char *
cs_feedback_count (double n)
{
  if (!isfinite (n))
    return g_strdup ("–");
  if (fabs (n) >= 1e9)
    return g_strdup_printf ("%.1f G", n / 1e9);
  if (fabs (n) >= 1e6)
    return g_strdup_printf ("%.1f M", n / 1e6);
  return g_strdup_printf ("%'.0f", n);
}

char *
cs_feedback_bytes (double bytes)
{
  return g_format_size (bytes > 0 ? (guint64) bytes : 0);
}

char *
cs_feedback_duration (double seconds)
{
  int s = seconds > 0 && seconds < 1e9 ? (int) (seconds + 0.5) : 0;

  if (s < 60)
    return g_strdup_printf (_("%d s"), s);
  if (s < 3600)
    return g_strdup_printf (_("%d min %d s"), s / 60, s % 60);
  return g_strdup_printf (_("%d h %d min"), s / 3600, s / 60 % 60);
}
