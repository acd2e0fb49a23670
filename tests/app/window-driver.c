#include "window-driver.h"

#include <string.h>

CsApplication *
driver_application (void)
{
  static CsApplication *application;
  g_autoptr (GError) error = NULL;

  if (application == NULL)
    {
      application = cs_application_new ();
      g_application_register (G_APPLICATION (application), NULL, &error);
      g_assert_no_error (error);
      g_application_set_default (G_APPLICATION (application));
    }
  return application;
}

static bool
is_drawn (void *widget)
{
  return gtk_widget_get_mapped (widget) && gtk_widget_get_width (widget) > 0;
}

CsWindow *
driver_window (int width, int height)
{
  CsWindow *window = cs_window_new (ADW_APPLICATION (driver_application ()));

  gtk_window_set_default_size (GTK_WINDOW (window), width, height);
  gtk_window_present (GTK_WINDOW (window));
  g_assert_true (driver_wait (is_drawn, window, 20));
  driver_settle (0.2);
  return window;
}

static bool
is_gone (void *place)
{
  return *(void **) place == NULL;
}

void
driver_close (CsWindow *window)
{
  void *place = window;

  g_object_add_weak_pointer (G_OBJECT (window), &place);
  cs_window_set_study (window, NULL);
  gtk_window_destroy (GTK_WINDOW (window));
  g_assert_true (driver_wait (is_gone, &place, 20));
}

bool
driver_wait (DriverCondition condition, void *data, double seconds)
{
  gint64 end = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);

  while (!condition (data))
    {
      if (g_get_monotonic_time () > end)
        return false;
      if (!g_main_context_iteration (NULL, FALSE))
        g_usleep (1000);
    }
  return true;
}

static bool
never (void *data)
{
  return false;
}

void
driver_settle (double seconds)
{
  driver_wait (never, NULL, seconds);
}

GtkWidget *
driver_find (GtkWidget *root, GType type, bool (*match) (GtkWidget *widget, const void *data), const void *data)
{
  if (G_TYPE_CHECK_INSTANCE_TYPE (root, type) && (match == NULL || match (root, data)))
    return root;
  for (GtkWidget *child = gtk_widget_get_first_child (root); child != NULL; child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *found = driver_find (child, type, match, data);

      if (found != NULL)
        return found;
    }
  return NULL;
}

static bool
has_label (GtkWidget *button, const void *label)
{
  return g_strcmp0 (gtk_button_get_label (GTK_BUTTON (button)), label) == 0;
}

GtkWidget *
driver_find_button (GtkWidget *root, const char *label)
{
  return driver_find (root, GTK_TYPE_BUTTON, has_label, label);
}

static bool
holds_text (GtkWidget *label, const void *text)
{
  return gtk_widget_get_mapped (label) && strstr (gtk_label_get_text (GTK_LABEL (label)), text) != NULL;
}

GtkWidget *
driver_find_text (GtkWidget *root, const char *text)
{
  return driver_find (root, GTK_TYPE_LABEL, holds_text, text);
}

bool
driver_picture (GtkWidget *widget, const char *file)
{
  int width = gtk_widget_get_width (widget), height = gtk_widget_get_height (widget);
  g_autoptr (GdkPaintable) paintable = gtk_widget_paintable_new (widget);
  GtkSnapshot *snapshot = gtk_snapshot_new ();
  g_autoptr (GskRenderNode) node = NULL;
  g_autoptr (GdkTexture) texture = NULL;

  gdk_paintable_snapshot (paintable, snapshot, width, height);
  node = gtk_snapshot_free_to_node (snapshot);
  if (node == NULL)
    return false;
  texture = gsk_renderer_render_texture (gtk_native_get_renderer (gtk_widget_get_native (widget)), node,
                                         &GRAPHENE_RECT_INIT (0, 0, width, height));
  return gdk_texture_save_to_png (texture, file);
}
