#include "dialogs.h"

#include <glib/gi18n.h>

typedef struct {
  GtkWidget *widget;
  CsFileChosenFunc chosen;
  CsConfirmFunc confirmed;
  void *data;
} Request;

static Request *
request_new (GtkWidget *widget, void *data)
{
  Request *request = g_new0 (Request, 1);

  request->widget = g_object_ref (widget);
  request->data = data;
  return request;
}

static void
request_free (Request *request)
{
  g_object_unref (request->widget);
  g_free (request);
}

static GtkWindow *
window_of (GtkWidget *widget)
{
  GtkRoot *root = gtk_widget_get_root (widget);

  return GTK_IS_WINDOW (root) ? GTK_WINDOW (root) : NULL;
}

static void
chooser_response_cb (GtkNativeDialog *dialog, int response, Request *request)
{
  g_autoptr (GFile) file = NULL;
  g_autofree char *path = NULL;

  if (response == GTK_RESPONSE_ACCEPT)
    {
      file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
      path = file != NULL ? g_file_get_path (file) : NULL;
    }
  request->chosen (request->widget, path, request->data);
  gtk_native_dialog_destroy (dialog);
  g_object_unref (dialog);
  request_free (request);
}

void
cs_compat_choose (GtkWidget *widget, CsChooseKind kind, const char *title, const char *accept,
                  const char *suggested, CsFileChosenFunc func, void *data)
{
  static const GtkFileChooserAction actions[] = {
    GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, GTK_FILE_CHOOSER_ACTION_OPEN, GTK_FILE_CHOOSER_ACTION_SAVE,
  };
  Request *request = request_new (widget, data);
  GtkFileChooserNative *dialog =
    gtk_file_chooser_native_new (title, window_of (widget), actions[kind], accept, _("_Cancel"));

  request->chosen = func;
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (dialog), TRUE);
  if (kind != CS_CHOOSE_SAVE)
    gtk_file_chooser_set_create_folders (GTK_FILE_CHOOSER (dialog), kind == CS_CHOOSE_FOLDER);
  if (suggested != NULL)
    gtk_file_chooser_set_current_name (GTK_FILE_CHOOSER (dialog), suggested);
  g_signal_connect (dialog, "response", G_CALLBACK (chooser_response_cb), request);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (dialog));
}

static void
confirm_response_cb (AdwMessageDialog *dialog, const char *response, Request *request)
{
  request->confirmed (request->widget, g_str_equal (response, "confirm"), request->data);
  request_free (request);
}

void
cs_compat_confirm (GtkWidget *widget, const char *heading, const char *body, const char *confirm,
                   bool destructive, CsConfirmFunc func, void *data)
{
  Request *request = request_new (widget, data);
  GtkWidget *dialog = adw_message_dialog_new (window_of (widget), heading, body);

  request->confirmed = func;
  adw_message_dialog_add_responses (ADW_MESSAGE_DIALOG (dialog), "cancel", _("_Cancel"), "confirm", confirm, NULL);
  adw_message_dialog_set_response_appearance (ADW_MESSAGE_DIALOG (dialog), "confirm",
                                              destructive ? ADW_RESPONSE_DESTRUCTIVE : ADW_RESPONSE_SUGGESTED);
  adw_message_dialog_set_default_response (ADW_MESSAGE_DIALOG (dialog), "cancel");
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "cancel");
  g_signal_connect (dialog, "response", G_CALLBACK (confirm_response_cb), request);
  gtk_window_present (GTK_WINDOW (dialog));
}
