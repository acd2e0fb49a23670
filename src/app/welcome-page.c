#include "welcome-page.h"

#include <glib/gi18n.h>

#include "application.h"

struct _CsWelcomePage {
  AdwBin parent;
  AdwPreferencesGroup *recent_group;
  GtkListBox *recent_list;
  GtkWidget *demo_button;
};

G_DEFINE_FINAL_TYPE (CsWelcomePage, cs_welcome_page, ADW_TYPE_BIN)

static GtkWidget *
recent_row_new (const char *folder)
{
  GtkWidget *row = adw_action_row_new ();
  g_autofree char *name = g_path_get_basename (folder);
  g_autofree char *title = g_markup_escape_text (name, -1);
  g_autofree char *subtitle = g_markup_escape_text (folder, -1);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), gtk_image_new_from_icon_name ("go-next-symbolic"));
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), TRUE);
  gtk_actionable_set_action_name (GTK_ACTIONABLE (row), "app.open-folder");
  gtk_actionable_set_action_target (GTK_ACTIONABLE (row), "s", folder);
  return row;
}

void
cs_welcome_page_refresh (CsWelcomePage *page)
{
  GApplication *application = g_application_get_default ();
  g_auto (GStrv) folders = NULL;
  GtkListBoxRow *row;

  while ((row = gtk_list_box_get_row_at_index (page->recent_list, 0)) != NULL)
    gtk_list_box_remove (page->recent_list, GTK_WIDGET (row));
  if (CS_IS_APPLICATION (application))
    folders = cs_application_recent_studies (CS_APPLICATION (application));
  for (char **folder = folders; folder != NULL && *folder != NULL; folder++)
    gtk_list_box_append (page->recent_list, recent_row_new (*folder));
  gtk_widget_set_visible (GTK_WIDGET (page->recent_group), folders != NULL && folders[0] != NULL);
}

/* What most people who see this page for the first time want is one key away. */
static void
cs_welcome_page_map (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (cs_welcome_page_parent_class)->map (widget);
  gtk_widget_grab_focus (CS_WELCOME_PAGE (widget)->demo_button);
}

static void
cs_welcome_page_class_init (CsWelcomePageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  widget_class->map = cs_welcome_page_map;
  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/crosscope/Crosscope/ui/welcome-page.ui");
  gtk_widget_class_bind_template_child (widget_class, CsWelcomePage, recent_group);
  gtk_widget_class_bind_template_child (widget_class, CsWelcomePage, recent_list);
  gtk_widget_class_bind_template_child (widget_class, CsWelcomePage, demo_button);
}

static void
cs_welcome_page_init (CsWelcomePage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  cs_welcome_page_refresh (self);
}
