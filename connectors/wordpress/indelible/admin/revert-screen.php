<?php
declare( strict_types=1 );

namespace Indelible\Admin;

use Indelible\Change;
use Indelible\Client;
use Indelible\Connection;
use Indelible\Ledger;
use Indelible\Value;

/** What taking a change back would do, and doing it: the server plans and orders, this WordPress carries out. */
final class RevertScreen {
	/** The server waits 10 seconds for its host, which is this WordPress. */
	private const WAIT_S = 15.0;

	public static function show(): void {
		if ( ! Access::may_see() ) {
			return;
		}
		echo '<div class="wrap"><h1>' . esc_html__( 'Revert a change', 'indelible' ) . '</h1>';
		[ $site, $id ] = self::named( $_GET );
		self::said( (string) ( $_GET['done'] ?? '' ) );
		$entry = self::entry( $site, $id );
		if ( null === $entry ) {
			self::notice( 'error', __( 'The log does not have this entry, or cannot be reached.', 'indelible' ) );
		} elseif ( '201' !== ( $_GET['done'] ?? '' ) ) {
			self::plan( $site, $entry );
		}
		echo '</div>';
	}

	/** A log of this WordPress, and the id of an entry; else nothing. @return array{string, string} */
	private static function named( array $given ): array {
		$site = is_string( $given['log'] ?? null ) ? wp_unslash( $given['log'] ) : '';
		$id   = is_string( $given['entry'] ?? null ) ? wp_unslash( $given['entry'] ) : '';
		$ok   = in_array( $site, Connection::logs(), true ) && 1 === preg_match( '/^[0-9a-f-]{36}$/', $id );
		return $ok ? array( $site, $id ) : array( '', '' );
	}

	private static function entry( string $site, string $id ): ?array {
		$answer = '' === $site ? array( 'status' => 0 ) : Client::administer( 'GET', "/sites/$site/entries/$id" );
		return 200 === $answer['status'] && isset( $answer['body']['entity']['type'] ) ? $answer['body'] : null;
	}

	private static function plan( string $site, array $entry ): void {
		$entity = $entry['entity'];
		printf( '<p>%s · %s · %s · <strong>%s</strong></p>', esc_html( History::time( $entry['occurred_at'] ) ), esc_html( History::actor( $entry['actor'] ) ), esc_html( $entry['summary'] ?? $entry['action'] ), esc_html( $entity['title'] ?? $entity['id'] ) );
		if ( ! Access::may_revert( $entity['type'], $entity['id'] ) ) {
			self::notice( 'error', __( 'You may not change this yourself, so you cannot have it put back.', 'indelible' ) );
			return;
		}
		$answer = Client::administer( 'POST', "/sites/$site/entries/{$entry['id']}/revert", array(), array( 'preview' => 'true' ) );
		if ( 200 !== $answer['status'] ) {
			self::notice( 'warning', $answer['body']['detail'] ?? $answer['error'] );
			return;
		}
		self::form( $site, $entry['id'], $answer['body'] );
	}

	private static function form( string $site, string $id, array $plan ): void {
		printf( '<form method="post" action="%s"><input type="hidden" name="action" value="indelible_revert"><input type="hidden" name="log" value="%s"><input type="hidden" name="entry" value="%s"><input type="hidden" name="from" value="%s">', esc_url( admin_url( 'admin-post.php' ) ), esc_attr( $site ), esc_attr( $id ), esc_attr( Menu::url( 'indelible-revert' ) ) );
		wp_nonce_field( "indelible-revert-$id" );
		echo '<table class="widefat striped"><thead><tr>';
		foreach ( array( __( 'Field', 'indelible' ), __( 'Now', 'indelible' ), __( 'As it would be', 'indelible' ), '' ) as $title ) {
			echo '<th scope="col">' . esc_html( $title ) . '</th>';
		}
		echo '</tr></thead><tbody>';
		foreach ( (array) $plan['fields'] as $field ) {
			self::field( $field );
		}
		$required = ! empty( $plan['reason_required'] ) ? ' required' : '';
		printf( '</tbody></table><p><label for="indelible-reason">%s</label><br><textarea id="indelible-reason" name="reason" rows="2" cols="60" maxlength="500"%s></textarea></p>', esc_html__( 'Reason', 'indelible' ), $required );
		submit_button( __( 'Revert', 'indelible' ) );
		echo '</form>';
	}

	private static function field( array $field ): void {
		$text     = static fn ( string $name ): string => array_key_exists( $name, $field ) ? mb_strimwidth( is_string( $field[ $name ] ) ? $field[ $name ] : Value::json( $field[ $name ] ), 0, 400, '…' ) : '–';
		$standing = match ( $field['standing'] ) {
			'conflict' => sprintf( '<label><input type="checkbox" name="overwrite[]" value="%s"> %s</label>', esc_attr( $field['path'] ), esc_html__( 'Changed since: overwrite', 'indelible' ) ),
			'already_back' => esc_html__( 'Already as before', 'indelible' ),
			default => '',
		};
		printf( '<tr><th scope="row">%s</th><td><pre style="white-space:pre-wrap">%s</pre></td><td><pre style="white-space:pre-wrap">%s</pre></td><td>%s</td></tr>', esc_html( ltrim( $field['path'], '/' ) ), esc_html( $text( 'from' ) ), esc_html( $text( 'to' ) ), $standing );
	}

	/** From the form. */
	public static function submit(): void {
		[ $site, $id ] = self::named( $_POST );
		if ( ! Access::may_see() || '' === $site || ! check_admin_referer( "indelible-revert-$id" ) ) {
			wp_die( esc_html__( 'You may not do that.', 'indelible' ), '', array( 'response' => 403 ) );
		}
		$entry = self::entry( $site, $id );
		if ( null === $entry || ! Access::may_revert( $entry['entity']['type'], $entry['entity']['id'] ) ) {
			wp_die( esc_html__( 'You may not do that.', 'indelible' ), '', array( 'response' => 403 ) );
		}
		$reason    = is_string( $_POST['reason'] ?? null ) ? mb_substr( trim( wp_unslash( $_POST['reason'] ) ), 0, 500 ) : '';
		$overwrite = array_values( array_filter( (array) wp_unslash( $_POST['overwrite'] ?? array() ), 'is_string' ) );
		$answer    = Client::administer( 'POST', "/sites/$site/entries/$id/revert", array( 'reason' => self::reason( $reason ), 'overwrite' => $overwrite ), array(), self::WAIT_S );
		self::tell( $site, $entry, $reason, $answer );
		$done = in_array( $answer['status'], array( 201, 409, 422 ), true ) ? (string) $answer['status'] : 'failed';
		$from = wp_validate_redirect( esc_url_raw( wp_unslash( (string) ( $_POST['from'] ?? '' ) ) ), Menu::url( 'indelible-revert' ) );
		wp_safe_redirect( add_query_arg( array( 'log' => $site, 'entry' => $id, 'done' => $done ), $from ) );
		exit;
	}

	/** The server knows the token that asked; who it was is said here. */
	private static function reason( string $reason ): string {
		$user = wp_get_current_user();
		$by   = sprintf( '%s (user %d) in wp-admin', $user->display_name, $user->ID );
		return '' === $reason ? "asked for by $by" : "$reason – asked for by $by";
	}

	/** Who asked for it is an entry of its own. */
	private static function tell( string $site, array $entry, string $reason, array $answer ): void {
		$entity = $entry['entity'];
		$blog   = (int) array_search( $site, Connection::logs(), true );
		$data   = array( 'entry' => $entry['id'], 'status' => $answer['status'] ) + ( '' === $reason ? array() : array( 'reason' => $reason ) ) + ( '' === $answer['error'] ? array() : array( 'why' => mb_substr( $answer['error'], 0, 500 ) ) );
		Ledger::event( new Change( 'indelible.revert-asked', $entity['type'], $entity['id'], $entity['title'] ?? '', blog: is_multisite() ? $blog : null, failed: 201 !== $answer['status'], data: $data ) );
	}

	private static function said( string $done ): void {
		match ( $done ) {
			'201' => self::notice( 'success', __( 'The change was reverted.', 'indelible' ) ),
			'409' => self::notice( 'warning', __( 'It was changed since. Nothing was done. Choose what is to be overwritten.', 'indelible' ) ),
			'422' => self::notice( 'warning', __( 'This cannot be reverted from here. Nothing was done.', 'indelible' ) ),
			'failed' => self::notice( 'error', __( 'The log or this WordPress did not answer in time. Nothing is logged as reverted; try again: it is done once.', 'indelible' ) ),
			default => null,
		};
	}

	private static function notice( string $kind, string $text ): void {
		printf( '<div class="notice notice-%s inline"><p>%s</p></div>', esc_attr( $kind ), esc_html( $text ) );
	}
}
