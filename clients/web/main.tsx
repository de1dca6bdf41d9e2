/** The page: what is loaded first. */
import 'uplot/dist/uPlot.min.css';
import './shared/style/tokens.css';
import './shared/style/base.css';
import './shared/style/controls.css';
import './shared/style/parts.css';
import './app/app.css';
import { render } from 'preact';
import { App } from './app/app.js';
import { begin } from './app/begin.js';

render(<App />, document.getElementById('page')!);
begin();
