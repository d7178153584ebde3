<?php
declare( strict_types=1 );

namespace Indelible\Admin;

use Indelible\Client;
use Indelible\Connection;
use Indelible\Request;
use Indelible\Settings;

/**
 * The log within wp-admin: a frame of the server's own page, with a token that shows this log and ends within minutes.
 * No other token ever is in a page.
 */
final class Activity {
	/** Seconds for which a viewer token works, and for which it is used for another frame. */
	private const LIFETIME_S = 900;
	private const USED_S     = 600;

	public static function show(): void {
		if ( ! Access::may_see() ) {
			return;
		}
		$logs   = Connection::logs();
		$blog   = is_network_admin() && isset( $logs[ (int) ( $_GET['log'] ?? 0 ) ] ) ? (int) ( $_GET['log'] ?? 0 ) : Request::blog();
		$filter = is_string( $_GET['q'] ?? null ) ? mb_substr( trim( wp_unslash( $_GET['q'] ) ), 0, 1000 ) : '';
		echo '<div class="wrap"><h1>' . esc_html__( 'Activity', 'indelible' ) . '</h1>';
		self::form( $logs, $blog, $filter );
		$answer = '' === Access::obstacle() ? self::viewer( Settings::site_of( $blog ), $filter ) : array( 'error' => Access::obstacle() );
		if ( isset( $answer['url'] ) ) {
			printf(
				'<iframe src="%s" title="%s" sandbox="allow-same-origin" referrerpolicy="no-referrer" style="width:100%%;height:70vh;border:1px solid #c3c4c7;background:#fff"></iframe><p class="description">%s</p>',
				esc_url( $answer['url'] ),
				esc_attr__( 'Activity', 'indelible' ),
				/* translators: %s: an address */
				esc_html( sprintf( __( 'If the frame stays empty, the server must be told that this site may show it: APP__SERVER__EMBED_ORIGINS=%s', 'indelible' ), self::origin() ) )
			);
		} else {
			printf( '<div class="notice notice-error inline"><p>%s</p></div>', esc_html( $answer['error'] ) );
		}
		echo '</div>';
	}

	/** @param array<int, string> $logs */
	private static function form( array $logs, int $blog, string $filter ): void {
		echo '<form method="get" class="search-form"><input type="hidden" name="page" value="indelible">';
		if ( is_network_admin() ) {
			echo '<select name="log" aria-label="' . esc_attr__( 'Log', 'indelible' ) . '">';
			foreach ( $logs as $one => $site ) {
				printf( '<option value="%d"%s>%s</option>', (int) $one, selected( $one, $blog, false ), esc_html( $site ) );
			}
			echo '</select> ';
		}
		printf( '<p class="search-box" style="float:none;margin:1em 0"><input type="search" name="q" value="%s" size="60" placeholder="action:wp.posts.* actor:ana" aria-label="%s"> ', esc_attr( $filter ), esc_attr__( 'Filter', 'indelible' ) );
		submit_button( __( 'Filter', 'indelible' ), '', '', false );
		echo '</p></form>';
	}

	/** @return array{url: string}|array{error: string} */
	private static function viewer( string $site, string $filter ): array {
		$key  = 'indelible_viewer_' . substr( hash( 'sha256', get_current_user_id() . "\0$site\0$filter" ), 0, 32 );
		$kept = get_transient( $key );
		if ( is_string( $kept ) ) {
			return array( 'url' => $kept );
		}
		$wanted = array( 'site' => $site, 'expires_in' => self::LIFETIME_S ) + ( '' === $filter ? array() : array( 'filter' => $filter ) );
		$answer = Client::administer( 'POST', '/viewer-tokens', $wanted );
		$url    = $answer['body']['url'] ?? null;
		if ( 201 !== $answer['status'] || ! is_string( $url ) ) {
			return array( 'error' => '' === $answer['error'] ? __( 'The server answered in a form that is not understood.', 'indelible' ) : $answer['error'] );
		}
		set_transient( $key, $url, self::USED_S );
		return array( 'url' => $url );
	}

	private static function origin(): string {
		$parts = wp_parse_url( admin_url() );
		return $parts['scheme'] . '://' . $parts['host'] . ( isset( $parts['port'] ) ? ":{$parts['port']}" : '' );
	}
}
