<?php
declare( strict_types=1 );

namespace Indelible\Admin;

use Indelible\Connection;
use Indelible\Outbox;

/** What waits, whether the connection works, and telling the server where its orders go. Settings are in wp-config.php. */
final class ConnectionScreen {
	public static function show(): void {
		if ( ! Access::may_see() ) {
			return;
		}
		echo '<div class="wrap"><h1>' . esc_html__( 'Connection', 'indelible' ) . '</h1>';
		self::results();
		echo '<table class="widefat striped"><thead><tr>';
		foreach ( array( __( 'Log', 'indelible' ), __( 'Waiting', 'indelible' ), __( 'Delivered', 'indelible' ), __( 'Trouble', 'indelible' ) ) as $title ) {
			echo '<th scope="col">' . esc_html( $title ) . '</th>';
		}
		echo '</tr></thead><tbody>';
		foreach ( Outbox::status() as $log ) {
			printf( '<tr><td>%s</td><td>%d</td><td>%d</td><td>%s</td></tr>', esc_html( $log->site ), (int) $log->waiting, (int) $log->delivered, esc_html( (string) $log->error ) );
		}
		printf( '</tbody></table><form method="post" action="%s"><input type="hidden" name="action" value="indelible_connection"><input type="hidden" name="from" value="%s"><p>', esc_url( admin_url( 'admin-post.php' ) ), esc_attr( Menu::url( 'indelible-connection' ) ) );
		wp_nonce_field( 'indelible-connection' );
		submit_button( __( 'Test the connection', 'indelible' ), 'primary', 'test', false );
		echo ' ';
		submit_button( __( 'Have reverts sent here', 'indelible' ), 'secondary', 'register', false );
		echo '</p></form></div>';
	}

	/** From the form. */
	public static function submit(): void {
		if ( ! Access::may_see() || ! check_admin_referer( 'indelible-connection' ) ) {
			wp_die( esc_html__( 'You may not do that.', 'indelible' ), '', array( 'response' => 403 ) );
		}
		set_transient( self::key(), isset( $_POST['register'] ) ? Connection::register() : Connection::test(), 60 );
		wp_safe_redirect( wp_validate_redirect( esc_url_raw( wp_unslash( (string) ( $_POST['from'] ?? '' ) ) ), Menu::url( 'indelible-connection' ) ) );
		exit;
	}

	private static function results(): void {
		$results = get_transient( self::key() );
		delete_transient( self::key() );
		foreach ( is_array( $results ) ? $results : array() as [ $what, $ok, $more ] ) {
			$text = $ok ? __( 'well', 'indelible' ) : __( 'not', 'indelible' );
			printf( '<div class="notice notice-%s inline"><p>%s %s</p></div>', $ok ? 'success' : 'error', esc_html( '' === $what ? $more : "$what: $text." ), esc_html( '' === $what || $ok ? '' : $more ) );
		}
	}

	private static function key(): string {
		return 'indelible_connection_' . get_current_user_id();
	}
}
